#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people see of real runs: in a pipe, on a terminal, on a narrow one, without colours.

    screens.py BUILD KERNEL SERIES

Screens are compared with tests/data/screens/real-*.txt, through the filter of normal() below, which makes one word of what
differs from run to run. STILLFRAME_WRITE_GOLDEN=1 writes them anew. What needs no guest is in tests/unit/test_screens.c,
and what refuses in cli.py.
"""
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'gates'))
from tap import TOP, Tap

BUILD, KERNEL, SERIES = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
STILLFRAME = os.environ.get('STILLFRAME_COMMAND', str(BUILD / 'stillframe'))
OBJECT = str(BUILD / 'bpf' / SERIES / 'sf_example.bpf.o')
WIDTH = 80
RUN = ['run', '--scheduler', OBJECT, '--kernel', KERNEL, '--accel', 'tcg']
PLACE = pathlib.Path(tempfile.mkdtemp(prefix='stillframe-screens.'))
ENV = {'PATH': os.environ['PATH'], 'HOME': str(PLACE / 'home'), 'XDG_CACHE_HOME': str(PLACE / 'cache'), 'LC_ALL': 'C.UTF-8',
       'TERM': 'xterm'}


def normal(text):
    """What differs from run to run, as one word each, with two blanks where there were more (but at the begin of a line):
    releases, times, sizes, rates, numbers behind a plus; then all other numbers that count something."""
    text = re.sub(r'\d+\.\d+[^\s,;]*-amd64|\d+\.\d+\.\d+[^\s,;]*', 'RELEASE', text)
    text = re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC', 'DATE', text)
    text = re.sub(r'[\d.]+ (ns|us|µs|ms|s|min)\b', 'TIME', text)
    text = re.sub(r'[\d.]+ (B|[KMGT]iB)\b', 'SIZE', text)
    text = re.sub(r'\+\d+ +[\d.]+/s', '+N  N/s', text)
    text = re.sub(r'\b\d+ pages', 'N pages', text)
    text = re.sub(r'(TIME +TIME +)\d+', r'\1N', text)
    text = re.sub(r'; the host has \d+', '', text)
    return re.sub(r'(?<=\S) {2,}', '  ', text)


def pipe(words, more=None):
    """(exit code, standard output, standard error)"""
    done = subprocess.run([STILLFRAME, *words], cwd=PLACE, env={**ENV, **(more or {})}, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def terminal(words, columns, more=None):
    """All that comes on a terminal that is so wide."""
    pid, fd = pty.fork()
    if not pid:
        os.chdir(PLACE)
        os.execve(STILLFRAME, [STILLFRAME, *words], {**ENV, **(more or {})})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    said = b''
    while True:
        # As long as a guest may take that others keep from its CPUs.
        if not select.select([fd], [], [], 300)[0]:
            os.kill(pid, 15)
        try:
            more_said = os.read(fd, 65536)
        except OSError:
            break
        if not more_said:
            break
        said += more_said
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors='replace').replace('\r\n', '\n')


def compare(name, text):
    path = TOP / f'tests/data/screens/real-{name}.txt'
    text = normal(text.replace(str(PLACE), 'HERE'))
    if os.environ.get('STILLFRAME_WRITE_GOLDEN'):
        path.write_text(text)
    was, now = path.read_text().splitlines(), text.splitlines()
    for i in range(max(len(was), len(now))):
        a, b = (lines[i] if i < len(lines) else '(nothing)' for lines in (was, now))
        if a != b:
            yield f'{path.name}:{i + 1}: was {a!r}, is {b!r}'


def fits(text):
    yield from (f'{len(line)} columns: {line}' for line in text.splitlines() if len(line) > WIDTH)
    if '\x1b' in text or '\r' in text:
        yield f'escape sequences in a pipe: {text[:200]!r}'


def said(done, code):
    if done[0] != code:
        yield f'ended with {done[0]}, not {code}: {" ".join(done[1:])[:2000]}'


# Which counters there are and in what order is the scheduler's matter: that they are there and line up is ours.
def without_counters(text):
    return re.sub(r'(?m)^(?:  (?:var|sum|map)\(.*\n)+', '  COUNTERS\n', text)


def a_run_in_a_pipe():
    done = pipe([*RUN, '--for', '1s', '--out', 'run', '--expect', 'var(nr_dispatched) > 0'])
    yield from said(done, 0)
    yield from fits(done[1] + done[2])
    if not re.search(r'^  (var|sum)\(\S+ +\+\d+ +[\d.]+/s$', done[1], re.M):
        yield 'there are no counters'
    yield from compare('progress', done[2])
    yield from compare('summary', re.sub(r'it is \d+', 'it is N', without_counters(done[1])))


def what_it_left():
    done = pipe(['ls', 'run'])
    yield from said(done, 0)
    yield from fits(done[1] + done[2])
    yield from compare('ls', re.sub(r'it is \d+', 'it is N', done[1]))
    done = pipe(['show', 'run/end.frame'])
    head = done[1].split('\n\n')[0] + '\n'
    yield from said(done, 0)
    yield from fits(head + done[2])
    yield from compare('show', head)
    done = pipe(['show', 'run/end.frame', '.data.tuning'])
    yield from said(done, 0)
    yield from compare('show-map', done[1])
    done = pipe(['show', 'run/end.frame', 'var(nr_dispached) > 0'])
    yield from said(done, 3)
    yield from compare('show-error', re.sub(r'(?s)(did you mean).*?\n(?= *var)', r'\1 …\n', done[2]))


def several_kernels():
    done = pipe(['run', '--scheduler', 'none', '-k', './nothing', '-k', KERNEL, '--accel', 'tcg', '--for', '100ms', '--out',
                 'all'])
    yield from said(done, 3)
    yield from fits(done[1] + done[2])
    yield from compare('kernels', done[1])


def list_of_kernels():
    for release, able in (('6.18.15+deb13-cloud-amd64', 'yes'), ('6.12.107+deb13-cloud-amd64', 'no')):
        folder = PLACE / 'other/stillframe/kernels' / release
        folder.mkdir(parents=True)
        (folder / 'vmlinuz').write_bytes(b'\0' * 13612672)
        (folder / 'info').write_text(f'release={release}\nbtf=yes\nsched_ext={able}\n')
    (PLACE / 'tools').mkdir()
    (PLACE / 'tools/kernel-get').write_text('#!/bin/sh\necho 7.2.12+deb13-cloud-amd64 some-suite 14428652\n')
    (PLACE / 'tools/kernel-get').chmod(0o755)
    done = pipe(['kernel', 'list'], {'XDG_CACHE_HOME': str(PLACE / 'other'), 'STILLFRAME_TOOLS': str(PLACE / 'tools')})
    yield from said(done, 0)
    yield from fits(done[1] + done[2])
    lines = [line for line in done[1].splitlines() if ' host ' not in line]
    # Nothing here differs: no filter.
    path = TOP / 'tests/data/screens/real-kernel-list.txt'
    text = '\n'.join(lines) + '\n'
    if os.environ.get('STILLFRAME_WRITE_GOLDEN'):
        path.write_text(text)
    if path.read_text() != text:
        yield f'{path.name}: is now\n{text}'


def doctor():
    """Each machine has its own answers: the screen is what is asked, in which order, and how it ends."""
    done = pipe(['doctor'])
    yield from fits(done[1] + done[2])
    lines = [re.sub(r'^(?:ok|no|\?\?)(  \w+) .*', r'??\1', line) for line in done[1].splitlines()
             # A machine is only tried where there is a kernel for it.
             if re.match(r'(ok|no|\?\?)  (?!machine)\w', line)]
    yield from compare('doctor', '\n'.join(lines) + '\n')
    if not re.search(r'\n\n(A run is possible here, under (TCG|KVM)|No run is possible here)', done[1]):
        yield f'it ends with {done[1][-200:]}'


def steps(text):
    """What is drawn over and over on the last line of a terminal."""
    return [re.sub(r'\x1b\[[\d;]*[mK]', '', part) for part in re.findall(r'\r\x1b\[K([^\r\n]+)(?=\r)', text)]


def a_narrow_terminal():
    code, text = terminal(['run', '--scheduler', 'none', '--kernel', KERNEL, '--accel', 'tcg', '--for', '1500ms', '--capture',
                           'a-name-that-is-rather-long-for-a-screen@1s', '--out', 'narrow'], 40)
    if code:
        yield f'ended with {code}: {text[-1000:]}'
    live = steps(text)
    if len(live) < 5:
        yield f'nothing moves on a terminal: {text[:300]!r}'
    # One that fills the last column would scroll.
    yield from (f'{len(line)} columns on a terminal of 40: {line!r}' for line in live if len(line) >= 40)
    if '\x1b[1;32mpass\x1b[0m' not in text:
        yield f'no green verdict: {text[-800:]!r}'
    ends = re.sub(r'\x1b\[[\d;]*[mK]', '', text.split('verdict')[-1])
    for line in ends.splitlines():
        if len(line) > 40 and not re.match(r'  (NAME|a-name)', line):
            yield f'{len(line)} columns: {line}'


def no_guest(more):
    """A verdict in colours that takes no guest."""
    return terminal(['run', '--scheduler', 'none', '-k', './nothing', '-k', './nobody', '--out', 'none', '--force'], WIDTH, more)


def colours_are_for_terminals_that_want_them():
    code, text = no_guest({})
    if code != 3 or '\x1b[1;31musage\x1b[0m' not in text:
        yield f'no red verdict, {code}: {text!r}'
    code, text = no_guest({'NO_COLOR': '1'})
    if code != 3 or re.search(r'\x1b\[[\d;]*m', text):
        yield f'colours with NO_COLOR: {text!r}'
    # Empty is as good as not there (no-color's own rule).
    if '\x1b[1;31musage' not in no_guest({'NO_COLOR': ''})[1]:
        yield 'no colours with an empty NO_COLOR'
    code, text = no_guest({'TERM': 'dumb'})
    if code != 3 or '\x1b' in text or '\r' in text:
        yield f'escape sequences on a dumb terminal: {text!r}'


def as_nobody(words, **env):
    """Somebody who owns nothing, with exactly this environment."""
    before = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] if os.getuid() == 0 else []
    done = subprocess.run([*before, STILLFRAME, *words], cwd=PLACE / 'open', env={'PATH': ENV['PATH'], **env}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def nobody():
    """Without root, and without a home or with one that cannot be written: a kernel that is named is all that it takes."""
    PLACE.chmod(0o755)
    (PLACE / 'open').mkdir()
    (PLACE / 'open').chmod(0o777)
    shutil.copy(KERNEL, PLACE / 'open/vmlinuz')
    (PLACE / 'open/vmlinuz').chmod(0o644)
    baseline = ['run', '--scheduler', 'none', '--accel', 'tcg', '--for', '100ms']
    done = as_nobody([*baseline, '--kernel', './vmlinuz', '--out', 'homeless'])
    yield from said(done, 0)
    yield from fits(done[1] + done[2])
    if 'neither XDG_CACHE_HOME nor' not in done[2]:
        yield f'nothing is said of the cache: {done[2]}'
    for env, words in (({}, 'neither XDG_CACHE_HOME nor HOME is set'), ({'HOME': '/proc'}, '/proc/.cache')):
        done = as_nobody([*baseline, '--kernel', '6.18'], **env)
        yield from said(done, 3)
        last = done[2].splitlines()[-1]
        if not last.startswith('stillframe run: --kernel: ') or words not in last or len(last) > 200:
            yield f'of the cache it says: {last}'
    if (PLACE / 'open/stillframe.out').exists():
        yield 'there is a directory for a run that never was'


def main():
    tap = Tap()
    (PLACE / 'home').mkdir()
    try:
        tap.check('a run in a pipe is plain lines of at most 80 columns', list(a_run_in_a_pipe()))
        tap.check('what it left is listed and shown', list(what_it_left()))
        tap.check('several kernels are one table', list(several_kernels()))
        tap.check('the list of kernels', list(list_of_kernels()))
        tap.check('doctor asks what it did', list(doctor()))
        tap.check('on a narrow terminal nothing scrolls', list(a_narrow_terminal()))
        tap.check('nobody in particular can run a kernel', list(nobody()))
        tap.check('colours are for terminals that want them', list(colours_are_for_terminals_that_want_them()))
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)
    tap.end()


main()
