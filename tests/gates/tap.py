# SPDX-License-Identifier: LGPL-2.1-or-later
"""TAP for the gates, and where the tree is."""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


class Tap:
    """Counts what was proven; what was found goes out as comments below the line it belongs to."""

    def __init__(self):
        self.n = self.bad = 0

    def check(self, name, findings, skip=None):
        """One test: holds when nothing was found."""
        findings = [str(finding) for finding in findings]
        self.n += 1
        self.bad += bool(findings)
        directive = f' # SKIP {skip}' if skip and not findings else ''
        print(f'{"not ok" if findings else "ok"} {self.n} - {name}{directive}')
        for finding in findings[:40]:
            for line in finding.splitlines():
                print(f'#   {line}')
        if len(findings) > 40:
            print(f'#   … and {len(findings) - 40} more')
        sys.stdout.flush()

    def end(self):
        print(f'1..{self.n}')
        sys.exit(1 if self.bad else 0)


def run(command, text=''):
    """(exit code, output and errors together) of a command; never raises for what the command does."""
    try:
        done = subprocess.run([str(word) for word in command], input=text, text=True, cwd=TOP, timeout=120,
                              errors='replace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        return 127, f'{command[0]}: not found'
    return done.returncode, done.stdout


def without_comments(text):
    """C without its comments; strings stay what they are, and so do lines."""
    def blank(match):
        return match[0] if match[0][0] in '"\'' else ' ' + '\n' * match[0].count('\n')

    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)
