# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of the HTML page: light and dark, wide and narrow, on paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --soft: #59636e; --line: #d5dae0; --link: #0b57a4;
  --good: #1a7f37; --good-back: #e3f5e8; --bad: #b3261e; --bad-back: #fdeceb; --warn: #8a5a00; --warn-back: #fff4dc;
  --note: #0b57a4; --code: #eef1f4; --node: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --card: #181e25; --text: #e8ecf1; --soft: #9aa6b2; --line: #303a45; --link: #7cb7ff;
    --good: #56d27b; --good-back: #15311f; --bad: #ff8d85; --bad-back: #3a1a19; --warn: #f0b849; --warn-back: #362a10;
    --note: #7cb7ff; --code: #222a33; --node: #1f2730;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
h1, h2, h3, h4, p, ul, ol { margin: 0; padding: 0; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code { font: .875em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--code); border-radius: .25rem; padding: .1em .35em; }
small { font-size: .8em; color: var(--soft); font-weight: 400; }
.head, nav, main, footer { max-width: 74rem; margin: 0 auto; padding-left: 1.25rem; padding-right: 1.25rem; }
.head { padding-top: 2rem; padding-bottom: 1.25rem; }
.kicker { color: var(--soft); font-size: .875rem; letter-spacing: .06em; text-transform: uppercase; }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.15; letter-spacing: -.01em; }
.proved h1 { color: var(--good); } .refuted h1 { color: var(--bad); } .unproven h1 { color: var(--warn); }
.about { font-size: 1.15rem; margin-top: .25rem; }
.scope, .lead, .small, .more, footer { color: var(--soft); font-size: .925rem; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; margin-top: .9rem; }
.counts li { background: var(--card); border: 1px solid var(--line); border-radius: 2rem; padding: .15rem .8rem; }
.counts .none { color: var(--soft); }
.counts .error:not(.none) { color: var(--bad); border-color: currentColor; background: var(--bad-back); }
.counts .warning:not(.none) { color: var(--warn); border-color: currentColor; background: var(--warn-back); }
nav { position: sticky; top: 0; z-index: 1; display: flex; gap: 1.1rem; overflow-x: auto; white-space: nowrap;
  background: var(--page); padding-top: .6rem; padding-bottom: .6rem; border-bottom: 1px solid var(--line); }
nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
main > section { margin-top: 2rem; }
h2 { font-size: 1.35rem; margin-bottom: .6rem; }
h3 { font-size: 1.05rem; margin: 1rem 0 .5rem; }
h3.error { color: var(--bad); } h3.warning { color: var(--warn); } h3.info { color: var(--note); }
h4 { font-size: 1rem; }
.count { font-weight: 400; }
.finding, .network, .places, .intents, .assumptions, .short { background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: .9rem 1.1rem; margin-bottom: .75rem; }
.finding { border-left: 4px solid var(--note); }
.finding.error { border-left-color: var(--bad); } .finding.warning { border-left-color: var(--warn); }
.finding > p { margin-top: .35rem; }
.finding .sign { font-weight: 700; }
.error .sign { color: var(--bad); } .warning .sign { color: var(--warn); } .info .sign { color: var(--note); }
.rule { font: .85em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; background: var(--code);
  border-radius: .25rem; padding: .1em .4em; white-space: nowrap; }
.at { color: var(--soft); font-size: .925rem; margin-top: 0; }
.remedy { background: var(--good-back); border-radius: .35rem; padding: .35rem .6rem; }
.remedy b { color: var(--good); margin-right: .3rem; }
.facts { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-top: .5rem; color: var(--soft);
  font-size: .9rem; }
.short, .intents, .assumptions { list-style: none; font-size: .925rem; }
.short li + li, .intents li + li, .assumptions li + li { border-top: 1px solid var(--line); margin-top: .4rem;
  padding-top: .4rem; }
.intents .good b { color: var(--good); } .intents .bad b { color: var(--bad); }
.network h3 { margin-top: 0; }
.scroll { overflow-x: auto; max-width: 100%; }
.picture svg { display: block; margin: 0 auto; max-width: max(100%, 30rem); height: auto; }
.link { fill: none; stroke: var(--soft); stroke-width: 1.25; opacity: .7; }
.link.standby { stroke-dasharray: 6 5; opacity: .9; }
.link.troubled { stroke: var(--bad); stroke-width: 3; opacity: 1; }
.legend { color: var(--soft); font-size: .875rem; list-style: none; display: flex; flex-wrap: wrap; gap: 0 1.5rem;
  margin: .4rem 0 .6rem; }
.legend svg { vertical-align: middle; margin-right: .35rem; }
.node rect { fill: var(--node); stroke: var(--soft); stroke-width: 1.25; }
.node.external rect { stroke-dasharray: 4 3; }
.node.error rect { stroke: var(--bad); stroke-width: 2.5; }
.node.warning rect { stroke: var(--warn); stroke-width: 2.5; }
.gateway { stroke: var(--good); stroke-width: 5; stroke-linecap: round; }
.name { font-size: 14px; font-weight: 600; text-anchor: middle; fill: var(--text); }
.under { font-size: 11px; text-anchor: middle; fill: var(--soft); }
.matrix { border-collapse: separate; border-spacing: 3px; margin-top: .4rem; font-variant-numeric: tabular-nums; }
.matrix th { font-weight: 600; font-size: .875rem; text-align: left; padding: .2rem .5rem; white-space: nowrap;
  max-width: 14rem; overflow: hidden; text-overflow: ellipsis; }
.matrix thead th { text-align: center; vertical-align: bottom; }
.matrix.many thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 11rem; }
.matrix tbody th { position: sticky; left: 0; background: var(--card); }
.matrix td { text-align: center; min-width: 2.4rem; border-radius: .35rem; padding: 0; }
.matrix td a, .matrix td span { display: block; padding: .3rem .55rem; text-decoration: none; color: inherit;
  border-radius: .35rem; white-space: nowrap; }
.matrix td a:hover, .matrix td a:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
.good { color: var(--good); } .bad { color: var(--bad); }
td.good { background: var(--good-back); } td.bad { background: var(--bad-back); font-weight: 600; }
td.nothing { color: var(--soft); }
.intents li { color: var(--text); }
div.places { columns: 17rem; column-gap: 2rem; }
.place { break-inside: avoid; padding-bottom: .5rem; }
.lead { margin-bottom: .4rem; }
.changes { list-style: none; font-size: .925rem; }
.changes b { display: inline-block; width: 1rem; }
.changes .add b { color: var(--good); }
.changes .remove b { color: var(--bad); } .changes .change b { color: var(--warn); }
#traces > h2 { display: none; }
.trace { display: none; }
.trace:target { display: block; position: fixed; z-index: 2; left: 0; right: 0; bottom: 0; max-height: 72vh;
  overflow-y: auto; width: min(74rem, 100%); margin: 0 auto; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--good); border-radius: .8rem .8rem 0 0; padding: .9rem 1.25rem 1.5rem;
  box-shadow: 0 -6px 30px rgb(0 0 0 / .28); }
.trace.blocked:target { border-top-color: var(--bad); }
.trace h3 { margin: 0 2.5rem 0 0; }
.trace h4 { margin-top: .6rem; color: var(--soft); font-size: .875rem; }
.trace .verdict { font-weight: 600; color: var(--good); } .trace.blocked .verdict { color: var(--bad); }
.trace ol { list-style: none; border-left: 2px solid var(--line); margin: .2rem 0 .4rem .3rem; }
.trace li { display: flex; flex-wrap: wrap; gap: 0 .8rem; padding: .2rem 0 .2rem .9rem; }
.trace li b { min-width: 7rem; } .trace li > span { flex: 1 1 16rem; }
.trace .stop { color: var(--bad); background: var(--bad-back); border-radius: 0 .35rem .35rem 0; }
.trace .stop .rule { color: inherit; }
.trace .remedy { margin-top: .35rem; }
.close { position: absolute;
  right: .7rem; top: .6rem; text-decoration: none; padding: .3rem .6rem; color: var(--soft); }
footer { padding-top: 1.5rem; padding-bottom: 3rem; }
body:has(.trace:target) { padding-bottom: 72vh; }
@media (max-width: 40rem) {
  .head, nav, main, footer { padding-left: .8rem; padding-right: .8rem; }
  .finding, .network, .places, .intents, .assumptions, .short { padding: .7rem .8rem; }
  .trace li b { min-width: 100%; }
}
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb; --link: #000; --good: #106b2c;
    --good-back: #fff; --bad: #a11; --bad-back: #fff; --warn: #6d4700; --warn-back: #fff; --note: #024; --code: #fff;
    --node: #fff; }
  body { font-size: 10pt; padding: 0 !important; }
  nav, .close { display: none; }
  .head, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  .finding, .place, .trace, .matrix, .picture { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  a { text-decoration: none; }
  #traces:has(.blocked) > h2 { display: block; }
  .trace.blocked, .trace.blocked:target { display: block; position: static; max-height: none; box-shadow: none;
    border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; margin-bottom: .5rem; width: auto; }
  .trace.arrives:target { display: none; }
}
"""
