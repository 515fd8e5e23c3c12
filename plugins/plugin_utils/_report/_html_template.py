# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML page as a jinja2 template. No script: the way of a packet shows when its address is the page's target."""

from __future__ import annotations

TEMPLATE = r"""
{%- macro prefixed(text, before) %}{% if text %}{{ before }}<bdi>{{ text }}</bdi>{% endif %}{% endmacro -%}
<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>WireGuard plan: {{ verdict | lower }}</title>
<style>[[style]]</style>
</head>
<body>
<header class="head {{ tone }}" id="top">
  <p class="kicker">WireGuard plan</p>
  <h1>{{ verdict | capitalize }}</h1>
  <p class="about">{{ about }}</p>
  <p class="scope"><bdi>{{ scope }}</bdi></p>
  <ul class="counts">
  {% for figure, noun, kind in counts %}
    <li class="{{ kind }}{% if figure == '0' %} none{% endif %}"><b>{{ figure }}</b> {{ noun }}</li>
  {% endfor %}
  </ul>
</header>
<nav aria-label="Sections">
  {% if severities %}<a href="#findings">Findings</a>{% endif %}
  {% if networks %}<a href="#networks">Networks</a>{% endif %}
  <a href="#changes">Changes</a>
  {% if intents.count %}<a href="#intents">Intents</a>{% endif %}
  {% if assumed %}<a href="#assumptions">Assumptions</a>{% endif %}
  {% if silenced %}<a href="#ignored">Ignored</a>{% endif %}
</nav>
<main>
{% if severities %}
<section id="findings">
  <h2>Findings</h2>
  {% for severity in severities %}
  <h3 class="{{ severity.name }}">{{ severity.title }}
    <span class="count">{{ "{:,}".format(severity.count) }}</span></h3>
  {% for finding in severity.findings %}
  <article class="finding {{ severity.name }}">
    <h4><span class="sign" aria-hidden="true">{{ severity.sign }}</span> <span class="rule">{{ finding.rule }}</span>
      {{ finding.name }}</h4>
    {% if finding.at %}<p class="at"><bdi>{{ finding.at }}</bdi></p>{% endif %}
    <p><bdi>{{ finding.message }}</bdi></p>
    {% if finding.prefixes %}<p class="small">prefixes: <bdi>{{ finding.prefixes }}</bdi></p>{% endif %}
    {% if finding.hint %}<p class="remedy"><b>Remedy</b> <bdi>{{ finding.hint }}</bdi></p>{% endif %}
    <ul class="facts">
      {% if finding.trace is not none %}
      <li><a href="#t{{ finding.trace }}">follow the packet <bdi>{{ finding.witness }}</bdi></a></li>
      {% elif finding.witness %}
      <li>for example <bdi>{{ finding.witness }}</bdi></li>
      {% endif %}
      {% if finding.written %}<li>written in <code><bdi>{{ finding.written }}</bdi></code></li>{% endif %}
      {% if finding.command %}
      <li>on <bdi>{{ finding.command_host }}</bdi>: <code><bdi>{{ finding.command }}</bdi></code></li>
      {% endif %}
    </ul>
  </article>
  {% endfor %}
  {% if severity.short %}
  <ul class="short">
    {% for finding in severity.short %}
    <li><span class="rule">{{ finding.rule }}</span>{{ prefixed(finding.at, " ") }}:
      <bdi>{{ finding.message }}</bdi></li>
    {% endfor %}
  </ul>
  {% endif %}
  {% if severity.rest %}
  <p class="more">… and {{ "{:,}".format(severity.rest) }} more; the plan document has them all.</p>
  {% endif %}
  {% endfor %}
</section>
{% endif %}
{% if networks %}
<section id="networks">
  <h2>Networks</h2>
  {% for network in networks %}
  <section class="network">
    <h3><bdi>{{ network.name }}</bdi></h3>
    <div class="scroll picture" tabindex="0" role="img" aria-label="Picture of the network: hosts and their links">
      <svg viewBox="0 0 {{ network.width }} {{ network.height }}" width="{{ network.width }}"
        height="{{ network.height }}" aria-hidden="true">
        {% for link in network.links %}
        <path d="{{ link.path }}"
          class="link{% if link.standby %} standby{% endif %}{% if link.troubled %} troubled{% endif %}"/>
        {% endfor %}
        {% for node in network.nodes %}
        <g class="node {{ node.kind }} {{ node.severity }}">
          <title>{{ node.title }}</title>
          {% if node.kind == "group" %}
          <rect x="{{ node.x - 62 }}" y="{{ node.y - 24 }}" width="136" height="42" rx="8" class="behind"/>
          {% endif %}
          <rect x="{{ node.x - 68 }}" y="{{ node.y - 20 }}" width="136" height="42" rx="8"/>
          {% if node.gateway %}
          <path d="M{{ node.x - 68 }} {{ node.y - 6 }}v14" class="gateway"/>
          {% endif %}
          <text x="{{ node.x }}" y="{{ node.y - 2 if node.under else node.y + 5 }}" class="name">{{ node.name }}</text>
          {% if node.under %}
          <text x="{{ node.x }}" y="{{ node.y + 14 }}" class="under">{{ node.under }}</text>
          {% endif %}
        </g>
        {% endfor %}
      </svg>
    </div>
    {% if network.legend %}
    <ul class="legend">
      {% for sign, told in network.legend %}
      <li><svg width="34" height="16" aria-hidden="true">
        {%- if sign in ("standby", "troubled") %}<path d="M0 8H34" class="link {{ sign }}"/>
        {%- elif sign == "gateway" %}<path d="M17 2v12" class="gateway"/>
        {%- else %}<g class="node {{ sign }}"><rect x="6" y="2" width="22" height="12" rx="3"/></g>
        {%- endif %}</svg>{{ told }}</li>
      {% endfor %}
    </ul>
    {% endif %}
    {% if network.table %}
    <p class="lead">Who reaches whom, row to column. A click follows a packet.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Reachability">
      <table class="matrix{% if network.table.names | length > 6 %} many{% endif %}">
        <thead><tr><td></td>
        {% for name, hosts in network.table.names %}
          <th scope="col"><span><bdi>{{ name }}</bdi>{% if hosts %} <small>{{ hosts }}</small>{% endif %}</span></th>
        {% endfor %}
        </tr></thead>
        <tbody>
        {% for cells in network.table.rows %}
        {% set name, hosts = network.table.names[loop.index0] %}
        <tr><th scope="row"><bdi>{{ name }}</bdi>{% if hosts %} <small>{{ hosts }}</small>{% endif %}</th>
          {% for cell in cells %}
          {% if cell is none %}
          <td class="nothing">·</td>
          {% elif cell.trace is none %}
          <td class="{{ 'good' if cell.good else 'bad' }}"><span title="{{ cell.told }}">{{ cell.figure }}</span></td>
          {% else %}
          <td class="{{ 'good' if cell.good else 'bad' }}"><a href="#t{{ cell.trace }}"
            title="{{ cell.told }}">{{ cell.figure }}</a></td>
          {% endif %}
          {% endfor %}
        </tr>
        {% endfor %}
        </tbody>
      </table>
    </div>
    {% endif %}
  </section>
  {% endfor %}
  {% if more_networks %}<p class="more">… and {{ more_networks }} more networks.</p>{% endif %}
</section>
{% endif %}
<section id="changes">
  <h2>Changes</h2>
  {% if changes.first %}
  <p class="lead">There is no earlier plan to compare with: everything is new.</p>
  {% elif not changes.count %}
  <p class="lead">Nothing changes against the earlier plan.</p>
  {% endif %}
  {% if changes.places %}
  <div class="places">
  {% for place, lines in changes.places %}
  <div class="place"><h4><bdi>{{ place }}</bdi></h4>
  <ul class="changes">
    {% for action, sign, line in lines %}
    <li class="{{ action }}"><b>{{ sign }}</b> <bdi>{{ line }}</bdi></li>
    {% endfor %}
  </ul></div>
  {% endfor %}
  </div>
  {% endif %}
  {% if changes.rest %}<p class="more">… and {{ "{:,}".format(changes.rest) }} more.</p>{% endif %}
  {% if changes.consequences %}
  <h3>What that does to packets</h3>
  <ul class="changes places">
    {% for action, sign, line in changes.consequences %}
    <li class="{{ action }}"><b>{{ sign }}</b> <bdi>{{ line }}</bdi></li>
    {% endfor %}
  </ul>
  {% endif %}
  {% for text in changes.removals %}
  <p class="small">will be removed: <bdi>{{ text }}</bdi></p>
  {% endfor %}
</section>
{% if intents.count %}
<section id="intents">
  <h2>Intents</h2>
  <ul class="intents">
  {% for holds, text, reason in intents.entries %}
    <li class="{{ 'good' if holds else 'bad' }}"><b>{{ "✓" if holds else "✗" }}</b>
      <bdi>{{ text }}</bdi>{{ prefixed(reason, ": ") }}</li>
  {% endfor %}
  </ul>
  {% if intents.rest %}<p class="more">… and {{ "{:,}".format(intents.rest) }} more.</p>{% endif %}
</section>
{% endif %}
{% if assumed %}
<section id="assumptions">
  <h2>Assumptions</h2>
  <p class="lead">What the proof takes for granted, each with the command that settles it.</p>
  <ul class="assumptions">
  {% for entry in assumptions %}
    <li><bdi>{{ entry.text }}</bdi><br><code><bdi>{{ entry.settle }}</bdi></code></li>
  {% endfor %}
  </ul>
</section>
{% endif %}
{% if silenced %}
<section id="ignored">
  <h2>Ignored</h2>
  <ul class="short">
  {% for finding in ignored %}
    <li><span class="rule">{{ finding.rule }}</span>{{ prefixed(finding.at, " ") }}: <bdi>{{ finding.message }}</bdi>
      <i>because <bdi>{{ finding.reason }}</bdi></i></li>
  {% endfor %}
  </ul>
</section>
{% endif %}
{% if traces %}
<section id="traces">
  <h2>Ways of the packets</h2>
  {% for trace in traces %}
  <article class="trace {{ 'blocked' if trace.blocked else 'arrives' }}" id="t{{ trace.number }}">
    <a class="close" href="#-" aria-label="close">✕</a>
    <h3><bdi>{{ trace.title }}</bdi> <small>from <bdi>{{ trace.source }}</bdi></small></h3>
    <p class="verdict">{{ trace.verdict }}</p>
    {% for way, steps in trace.ways %}
    <h4>{{ way }}</h4>
    <ol>
      {% for step in steps %}
      <li{% if step.rule %} class="stop"{% endif %}><b><bdi>{{ step.host }}</bdi></b>
        <span><bdi>{{ step.text }}</bdi>
          {% if step.rule %}<span class="rule">{{ step.rule }}</span>{% endif %}</span></li>
      {% endfor %}
    </ol>
    {% endfor %}
    {% for remedy in trace.remedies %}
    <p class="remedy"><b>Remedy</b> <bdi>{{ remedy }}</bdi></p>
    {% endfor %}
  </article>
  {% endfor %}
</section>
{% endif %}
</main>
<footer><p>{{ classified }}</p></footer>
</body>
</html>
"""
