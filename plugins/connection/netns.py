# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
author: The cryptokey.wireguard authors (!UNKNOWN)
short_description: Run tasks on a lab host made of namespaces
version_added: 0.1.0
description:
  - Reaches a host of a lab that the role P(cryptokey.wireguard.lab#role) brought up on the controller.
  - Commands and file transfers take place inside the lab host's PID, mount, network and UTS namespaces.
  - It never leaves the controller. A lab host that is not there, or whose process has ended, is an error.
options:
  lab:
    description: The name of the lab.
    type: str
    default: rehearsal
    vars:
      - name: ansible_netns_lab
  host:
    description: The name of the lab host.
    type: str
    vars:
      - name: inventory_hostname
      - name: ansible_netns_host
  directory:
    description: Where running labs are written down.
    type: path
    default: /run/cryptokey-lab
    vars:
      - name: ansible_netns_directory
  become_success_timeout:
    description:
      - Number of seconds to wait for become to succeed when enabled.
      - The default is used if the configured value is less than 1.
    type: int
    default: 10
    vars:
      - name: ansible_local_become_success_timeout
  become_strip_preamble:
    description: Strip internal become output preceding command execution.
    type: bool
    default: true
    vars:
      - name: ansible_local_become_strip_preamble
extends_documentation_fragment:
  - ansible.builtin.connection_pipelining
notes:
  - Needs root on the controller, and C(nsenter) of util-linux.
  - The remote user is ignored.
"""

EXAMPLES = r"""
- name: Ask a lab host for its interfaces
  hosts: fra1
  gather_facts: false
  vars:
    ansible_connection: cryptokey.wireguard.netns
    ansible_netns_lab: rehearsal
  tasks:
    - name: Show them
      ansible.builtin.command: ip -brief address
      changed_when: false
"""

import os
import shlex
import subprocess
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection.local import Connection as LocalConnection
from ansible.utils.display import Display

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import LabRecord

display = Display()


class Connection(LocalConnection):
    """ansible.builtin.local, inside the namespaces of a lab host."""

    transport = "cryptokey.wireguard.netns"
    has_pipelining = True

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        inside = shlex.join([*self._enter(), "/bin/sh", "-c", cmd])
        return super().exec_command(inside, in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path: str, out_path: str) -> None:
        display.vvv(f"PUT {in_path} TO {out_path}", host=self._host)
        try:
            with open(in_path, "rb") as source:
                self._copy(f"cat > {shlex.quote(out_path)}", f"transfer file to {out_path}", stdin=source)
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"file or module does not exist: {in_path}") from error

    def fetch_file(self, in_path: str, out_path: str) -> None:
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self._host)
        with open(out_path, "wb") as target:
            self._copy(f"cat {shlex.quote(in_path)}", f"fetch file {in_path}", stdout=target)

    def _copy(
        self, command: str, what: str, *, stdin: t.IO[bytes] | None = None, stdout: t.IO[bytes] | None = None
    ) -> None:
        words = [*self._enter(), "/bin/sh", "-c", command]
        source: int | t.IO[bytes] = subprocess.DEVNULL if stdin is None else stdin
        result = subprocess.run(words, stdin=source, stdout=stdout, stderr=subprocess.PIPE, check=False)
        if result.returncode != 0:
            raise AnsibleError(f"failed to {what}: {result.stderr.decode(errors='replace').strip()}")

    @property
    def _host(self) -> str:
        return self.get_option("host") or self._play_context.remote_addr

    def _enter(self) -> list[str]:
        """The command that enters the host; every use asks anew whether the holder is still the one it was."""
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure("lab hosts are namespaces, which only root can enter; run this as root")
        try:
            holder = LabRecord(self.get_option("lab"), self.get_option("directory")).host(self._host)
        except WireguardError as error:
            raise AnsibleConnectionFailure(str(error)) from error
        return ["nsenter", "--target", str(holder.pid), "--pid", "--mount", "--net", "--uts", "--"]
