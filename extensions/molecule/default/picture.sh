#!/bin/sh
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# picture.sh FILE: writes all that the collection could leave on a host, as it is now. Whole folders, not names that
# somebody thought of: units, sockets, namespaces, sysctl drop-ins, states and keys, links, routes, rules, forwarding,
# filters, and whoever holds a tun.
set -eu
exec >"$1"
for folder in /run/systemd/transient /run/systemd/system /etc/systemd/system /etc/systemd/network \
    /run/wireguard /run/netns /etc/netns /etc/sysctl.d /run/sysctl.d /etc/modules-load.d /etc/nftables.d /etc/wireguard; do
    [ ! -d "$folder" ] || find "$folder" -mindepth 1
done | sort
ip -br link | cut -d ' ' -f 1
ip rule
ip -6 rule
ip route show table all
ip -6 route show table all
sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(ip_forward|conf\..*\.(forwarding|rp_filter|src_valid_mark)) ' | sort
nft list ruleset 2>/dev/null || true
grep -ls '^iff:' /proc/[0-9]*/fdinfo/* || true
