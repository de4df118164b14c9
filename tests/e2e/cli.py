#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command says to what it cannot take: every option with a wrong, an empty, a huge and a second value. No guest
is started, and nothing may be left behind. tests/data/screens/usage.txt has the words; STILLFRAME_WRITE_GOLDEN=1 writes
it anew.

    cli.py BUILD KERNEL SERIES
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'gates'))
from tap import TOP, Tap

BUILD, KERNEL, SERIES = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
STILLFRAME = os.environ.get('STILLFRAME_COMMAND', str(BUILD / 'stillframe'))
OBJECT = str(BUILD / 'bpf' / SERIES / 'sf_example.bpf.o')
GOLDEN = TOP / 'tests/data/screens/usage.txt'
LONGEST = 200
HUGE = 'x' * 100000
DIGITS = '9' * 100000
NOT_THERE = 'No such file or directory'

# What an option refuses: its value, and words of the answer. Of those that take a value, an empty one, a huge one and a
# second one are tried by themselves: GOOD has the values for that, in pairs where the same one is no second.
WRONG = {
    'run': {
        '--scheduler': [('./nowhere', './nowhere'), ('folder', 'folder'), ('text', 'text'), ('/dev/null', '/dev/null')],
        '--kernel': [('./nowhere', './nowhere'), ('folder', 'folder'), ('./text', 'text'), ('6.x', '6.x'),
                     ('-1', '-1'), ('/dev/null', '/dev/null')],
        '--topology': [('0', 'from 1 to'), ('-1', ''), ('many', ''), ('2,', ''), ('cores', ''), ('cores=', ''),
                       ('cores=0', ''), ('cores=2,cores=2', 'twice'), ('dies=2', 'sockets'), ('256', '255'),
                       ('sockets=99,cores=99', '255'), ('cores=2,numa=3', 'numa'), ('cores=18446744073709551617', '')],
        '--memory': [('1', 'M or G'), ('1G2', 'M or G'), ('-1G', 'M or G'), ('0M', '128M'), ('127M', '128M'),
                     ('513G', '512G'), ('128.5M', 'multiple'), ('1K', 'M or G'), (DIGITS + 'M', '128M')],
        '--for': [('2', 'unit'), ('-1s', 'unit'), ('0s', 'longer than 0'), ('25h', '24h'), ('1.s', 'unit'),
                  ('1e3s', 'unit'), ('s', 'unit'), ('2 s', 'unit'), (DIGITS + 's', '24h')],
        '--deadline': [('soon', 'unit'), ('0ms', 'longer than 0'), ('1441m', '24h')],
        '--attach-timeout': [('soon', 'unit'), ('0ns', 'longer than 0'), ('1441m', '24h')],
        '--capture': [('mid', 'NAME@TIME'), ('mid@', 'unit'), ('@1s', 'NAME@TIME'), ('a b@1s', 'no spaces'),
                      ('a/b@1s', 'no /'), ('x' * 65 + '@1s', '64'), ('mid@soon', 'unit'), ('mid@25h', '24h'),
                      ('mid@3s', 'after the end')],
        '--expect': [('nothing', ''), ('var(', ''), ('var(a) ==', ''), ('1 == 1 == 1', '')],
        '--keep': [('all', 'pages=N'), ('pages', 'pages=N'), ('pages=0', 'from 1'), ('pages=1,pages=2', 'twice'),
                   ('map=1', 'M or G'), ('pointees=1.5M', 'multiple'), ('hops=9', '0 to 8'), ('hops=-1', '0 to 8'),
                   ('pages=1,', 'pages=N'), ('pages=' + DIGITS, 'from 1')],
        '--accel': [('xen', 'auto, kvm or tcg'), ('KVM', 'auto, kvm or tcg')],
        '--out': [('full', 'not empty'), ('text', 'text'), ('text/below', 'text'), ('/proc/run', '/proc')],
        '--env': [('X', 'SCX_DEBUG=1'), ('=x', 'SCX_DEBUG=1'), ('A=1', 'only a program')],
        '--file': [('./nowhere', NOT_THERE), ('/dev/null', 'neither a file'), ('text', 'only a program')],
        '--junit': [('folder', 'directory'), ('nowhere/at.xml', NOT_THERE), ('text/at.xml', 'directory')],
        '--summary': [('folder', 'directory'), ('nowhere/at.md', NOT_THERE), ('text/at.md', 'directory')],
    },
    'show': {'--json': [('xml', '--json=plain'), (HUGE, '--json=plain')]},
}
GOOD = {
    '--scheduler': 'none', '--kernel': KERNEL, '--topology': '2', '--memory': '1G', '--for': '1s', '--deadline': '100s',
    '--attach-timeout': '9s', '--capture': 'a@1s', '--keep': 'hops=1', '--accel': 'tcg', '--out': 'fresh',
    '--env': 'A=1', '--junit': 'a.xml', '--summary': 'a.md',
}
# Each may be given again, and what it says then is its own matter.
AGAIN = {'--capture': 'already', '--kernel': 'already', '--env': 'already'}
FREE = {'--expect', '--file'}

WORDS = [
    ([], None, 'usage'),
    (['nothing'], 'nothing', 'run, show'),
    ([''], '""', 'run, show'),
    ([HUGE], 'xxx', 'run, show'),
    (['--nothing'], '--nothing', ''),
    (['run'], '--scheduler', 'none'),
    (['run', '--nothing'], '--nothing', '--help'),
    (['run', '-Z'], '-Z', '--help'),
    (['run', '--' + HUGE], '--xxx', '--help'),
    (['run', '--force=1'], '--force', 'no value'),
    (['run', '--s=1'], '--s', ''),
    (['run', './nowhere.yaml'], 'nowhere.yaml', NOT_THERE),
    (['run', 'folder'], 'folder', ''),
    (['run', 'a.yaml', 'b.yaml'], 'b.yaml', 'too many'),
    (['run', HUGE], 'xxx', '4095'),
    (['show', 'text', 'var(\x1b[31m\n)'], 'column', ''),
    (['ls', '\x1b[31mred'], 'x1b[31mred', NOT_THERE),
    (['run', '-s', 'none', '--', '-v'], 'arguments', 'only a program'),
    (['run', '-s', 'none', '--capture', 'none', '--expect', 'var(a) > 0'], '--expect', '--capture none'),
    (['run', '-s', 'none', '--capture', 'none', '--capture', 'a@1s'], '--capture', ''),
    (['show'], 'frame', 'ls'),
    (['show', ''], '', ''),
    (['show', './nowhere'], './nowhere', NOT_THERE),
    (['show', 'folder'], 'folder', 'ls'),
    (['show', 'text'], 'text', ''),
    (['show', 'empty'], 'empty', ''),
    (['show', HUGE], 'xxx', ''),
    (['show', 'text', 'id', '0'], 'id', 'from 1'),
    (['show', 'text', 'id', DIGITS[:100]], 'id', 'from 1'),
    (['show', 'text', 'one', 'two'], 'one map', 'id N'),
    (['show', 'text', 'var(a)', '>', '0'], 'expression', 'quote'),
    (['ls'], 'run', 'stillframe.out'),
    (['ls', ''], '', ''),
    (['ls', './nowhere'], './nowhere', NOT_THERE),
    (['ls', 'text'], 'text', 'directory'),
    (['ls', 'folder'], 'folder', 'run.json'),
    (['ls', 'folder', 'full'], 'run', 'One directory'),
    (['ls', HUGE], 'xxx', ''),
    (['export'], 'export FRAME FILE', ''),
    (['export', 'text'], 'export FRAME FILE', ''),
    (['export', './nowhere', 'core'], './nowhere', NOT_THERE),
    (['export', 'text', 'core'], 'text', ''),
    (['export', 'text', 'folder'], 'folder', ''),
    (['kernel'], 'list', 'get'),
    (['kernel', 'nothing'], 'list', 'path'),
    (['kernel', 'list', '6.18'], 'list', 'path'),
    (['kernel', 'list', '--refresh'], '--refresh', 'get'),
    (['kernel', 'get', '--json'], '--json', 'list'),
    (['kernel', 'path', '--offline'], '--offline', 'list'),
    (['kernel', 'path', ''], '""', '--help'),
    (['kernel', 'path', './nowhere'], './nowhere', ''),
    (['kernel', 'path', 'text'], 'text', ''),
    (['kernel', 'path', '6.x'], '6.x', ''),
    (['kernel', 'path', HUGE], 'xxx', ''),
    (['kernel', 'get', '6.18', '6.19'], 'one kernel', ''),
    (['doctor', 'kvm'], 'doctor', ''),
    (['doctor', '--fix'], '--fix', '--help'),
    (['help', 'nothing'], 'nothing', 'run, show'),
    (['help', 'run', 'show'], 'one command', ''),
]


class House:
    """A place with a few things in it, and the command in it with a home and a cache of its own."""

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix='stillframe-cli.'))
        self.dir = self.top / 'here'
        for name in ('here/folder', 'here/full', 'home', 'cache', 'tmp', 'tools'):
            (self.top / name).mkdir(parents=True)
        for name, text in (('here/text', 'nothing but text\n'), ('here/full/file', 'mine'), ('here/empty', ''),
                           ('tools/kernel-get', '#!/bin/sh\necho "stillframe: there is no kernel $1" >&2\nexit 3\n')):
            (self.top / name).write_text(text)
        (self.top / 'tools/kernel-get').chmod(0o755)
        self.env = {'PATH': os.environ['PATH'], 'HOME': str(self.top / 'home'), 'TMPDIR': str(self.top / 'tmp'),
                    'XDG_CACHE_HOME': str(self.top / 'cache'), 'STILLFRAME_TOOLS': str(self.top / 'tools'),
                    # Nothing of this may get so far.
                    'STILLFRAME_QEMU': '/bin/false', 'LC_ALL': 'C'}
        self.before = self.files()

    def files(self):
        return sorted(str(path) for path in self.top.rglob('*'))

    def run(self, words):
        return subprocess.run([STILLFRAME, *words], cwd=self.dir, env=self.env, text=True, errors='replace',
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    def left(self):
        """What is there now and was not; the place is as it was again afterwards."""
        more = [path for path in self.files() if path not in self.before]
        for path in sorted(more, reverse=True):
            pathlib.Path(path).unlink() if not os.path.isdir(path) or os.path.islink(path) else os.rmdir(path)
        return more

    def drop(self):
        shutil.rmtree(self.top)


def short(words):
    return ' '.join(f"'{repr(word)[1:-1]}'" if not word or re.search(r'[^\w@%+=:,./-]', word) else word for word in
                    (re.sub(r'(.)\1{60,}', r'\1\1…', word) for word in words))


def plain(text, house):
    for path, name in ((str(house.top), 'TOP'), (OBJECT, 'OBJECT'), (KERNEL, 'KERNEL'), (str(BUILD), 'BUILD')):
        text = text.replace(path, name)
    return re.sub(r'x{60,}', 'xx…', text)


def refused(house, words, names, allowed, golden):
    """It ends with 3, in one line that names what is wrong and what is allowed, and leaves nothing."""
    done = house.run(words)
    # What it does meanwhile is told in lines of another kind.
    text, command = re.sub(r'^ +[\d.]+ s  .*\n', '', done.stderr, flags=re.M), short(words)
    golden.append(f'$ stillframe {plain(command, house)}\n{plain(text, house)}')
    if done.returncode != 3:
        yield f'{command}: ended with {done.returncode}: {text[:300]}'
    if done.stdout:
        yield f'{command}: says on its standard output: {done.stdout[:100]}'
    if names is not None:
        first, *more = text.splitlines() or ['']
        # An expression stands below, with a mark where it is wrong.
        if more and not more[-1].lstrip().startswith('^'):
            yield f'{command}: {len(more) + 1} lines: {text[:300]}'
        if len(first.replace(str(house.top), 'TOP')) > LONGEST:
            yield f'{command}: {len(first)} characters: {first[:300]}'
        if not first.startswith('stillframe'):
            yield f'{command}: who says so? {first}'
        if names not in text and names.removeprefix('--') + ':' not in text.split():
            yield f'{command}: does not name {names}: {first}'
    if allowed not in text:
        yield f'{command}: does not say {allowed}: {text[:300]}'
    if re.search(r'[\x00-\x09\x0b-\x1f\x7f]', text):
        yield f'{command}: control characters: {text[:300]!r}'
    yield from (f'{command}: leaves {path}' for path in house.left())


def base(option):
    """All that a run wants besides this option, so that only it can be refused."""
    words = ['run']
    for other, value in (('--scheduler', 'none'), ('--kernel', KERNEL)):
        if other != option:
            words += [other, value]
    return words


def option_cases():
    for command, table in WRONG.items():
        for option, wrong in table.items():
            head = base(option) if command == 'run' else [command, 'text']
            if option in ('--env', '--file'):
                head = ['run', '--scheduler', OBJECT, '--kernel', KERNEL]
            for value, allowed in wrong:
                yield [*head, f'{option}={value}'], option, allowed
            yield [*head, f'{option}='], option, ''
            yield [*head, f'{option}={HUGE}'], option, ''
            if option in GOOD:
                yield [*head, option, GOOD[option], option, GOOD[option]], option, AGAIN.get(option, 'twice')
            if command == 'run':
                yield [*head, option], option, 'needs a value'


def options_of(command):
    text = subprocess.run([STILLFRAME, command, '--help'], text=True, capture_output=True, check=True).stdout
    return re.findall(r'^ {2,6}(?:-\w, )?(--[a-z-]+)(.?)', text, re.M)


def every_option_is_tried():
    for option, after in options_of('run'):
        if after == ' ' and re.search(rf'{option} [A-Z\[]', subprocess.run(
                [STILLFRAME, 'run', '--help'], text=True, capture_output=True, check=True).stdout):
            if option not in WRONG['run']:
                yield f'{option} is not tried'
            if option not in GOOD and option not in FREE:
                yield f'{option} has no good value here'
    for option in {*WRONG['run'], *GOOD} - {name for name, _ in options_of('run')}:
        yield f'there is no {option}'


def documents():
    yield TOP / 'README.md'
    yield from sorted((TOP / 'docs').glob('*.md'))
    yield from sorted((TOP / 'docs/man').glob('*.roff'))


def options_that_documents_name():
    """Each one after the name of a command, or by itself in backquotes, is one that there is."""
    all_options = {name for command in WRONG for name, _ in options_of(command)}
    for command in ('ls', 'export', 'kernel', 'doctor', 'help'):
        all_options |= {name for name, _ in options_of(command)}
    foreign = {'--cflags', '--libs', '--slice-us', '--version', '--scenario'}
    for path in documents():
        for name in re.findall(r'(?<![\w-])--[a-z][a-z-]*', path.read_text().replace(r'\-', '-')):
            if name not in all_options | foreign:
                yield f'{path.name} names {name}'


def golden_findings(golden):
    text = ''.join(golden)
    if os.environ.get('STILLFRAME_WRITE_GOLDEN'):
        GOLDEN.write_text(text)
    old = GOLDEN.read_text() if GOLDEN.exists() else ''
    for was, now in zip(old.split('$ stillframe '), text.split('$ stillframe ')):
        if was != now:
            yield f'was: {was}\nnow: {now}'
    if old.count('$ stillframe ') != text.count('$ stillframe '):
        yield f'{GOLDEN.name} has {old.count("$ stillframe ")} commands, and {text.count("$ stillframe ")} were tried'


def main():
    tap, house, golden = Tap(), House(), []
    try:
        tap.check('every option with a value is tried', every_option_is_tried())
        tap.check('no option takes a wrong, an empty, a huge or a second value',
                  [finding for case in option_cases() for finding in refused(house, *case, golden)])
        tap.check('no command takes what is no word of its',
                  [finding for case in WORDS for finding in refused(house, *case, golden)])
        tap.check('the words are those of tests/data/screens/usage.txt', golden_findings(golden))
        tap.check('documents name no option that there is not', options_that_documents_name())
    finally:
        house.drop()
    tap.end()


main()
