#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames in drgn, with the types of the kernel's debug vmlinux: what it sees in them has to be what we see.

    test_drgn.py STILLFRAME FRAME_DUMP OBJECT ORACLE READ_TIME

STILLFRAME is the command, FRAME_DUMP prints what we read from a frame, OBJECT is the example scheduler built for the
newest kernel. One run is captured; the frame as it was written (without types and symbols, which are in the facts file)
and its export are both opened. ORACLE makes another one, with maps of every type in it; READ_TIME says what a read takes.
Debian's python3-drgn is for Debian's own python3.
"""
import collections
import contextlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / 'tests/gates'))
from tap import Tap  # noqa: E402

# Functions, data, read-only data, per-CPU data, absolute marks, the ends of sections.
SYMBOLS = [
    '_text', '_stext', '_etext', '_end', '__start_BTF', '__stop_BTF', 'linux_banner', 'init_task', 'init_mm',
    'init_top_pgt', 'init_uts_ns', 'map_idr', 'prog_idr', 'btf_idr', 'page_offset_base', 'vmalloc_base', 'vmemmap_base',
    '__per_cpu_offset', 'phys_base', 'nr_cpu_ids', '__cpu_online_mask', 'runqueues', 'schedule', 'do_syscall_64',
    '__x64_sys_bpf', 'bpf_map_new_fd', 'saved_command_line', 'jiffies',
]
# struct user_regs_struct, as far as a stopped CPU has them: there is no system call's number.
USER_REGS = ('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi - rip cs rflags rsp ss fs_base gs_base '
             'ds es').split()
SAMPLE = 1000  # symbols of all others
RUN_SECONDS = 300

Map = collections.namedtuple('Map', 'id kva type key_size value_size max_entries flags name')
Values = collections.namedtuple('Values', 'address stride bytes')
Element = collections.namedtuple('Element', 'owner key values')

# enum bpf_map_type
HASHES, PERCPU_HASHES, PERCPU_ARRAY, STRUCT_OPS = (1, 9), (5, 10), 6, 26
TASKS, CGROUPS, INODES, SOCKETS = 29, 32, 28, 24


def said(*command, seconds=60, env=None):
    """What a command prints; an error of the test when it fails. It is never left behind."""
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors='replace', env={**os.environ, **(env or {})}) as child:
        try:
            out, err = child.communicate(timeout=seconds)
        except BaseException:
            # The command ends its guest when it is told to end.
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.communicate(timeout=20)
            child.kill()
            raise
    if child.returncode:
        raise RuntimeError(f'{" ".join(map(str, command))} ended with {child.returncode}:\n{err}{out}')
    return out


# ---- what we say ---------------------------------------------------------------------------------------------------

class Ours:
    """A frame as frame_dump prints it."""

    def __init__(self, dump, path, *asked):
        self.named, self.pages, self.symbols, self.maps, self.values = {}, {}, [], {}, {}
        self.elements, self.owners = collections.defaultdict(dict), {}
        for line in said(dump, path, *asked).splitlines():
            what, *words = line.split(' ')
            if what == 'named':
                self.named[words[0]] = None if words[1] == '-' else int(words[1], 16)
            elif what == 'page':
                self.pages[int(words[0], 16)] = words[1]
            elif what == 'symbol':
                self.symbols.append((words[1], int(words[0], 16)))
            elif what == 'map':
                index = int(words[0])
                self.maps[index] = Map(index, *(int(word, 16) for word in words[1:7]), ' '.join(words[7:]))
            elif what == 'values':
                self.values[int(words[0])] = Values(int(words[1], 16), int(words[2], 16), bytes.fromhex(words[3]))
            elif what == 'element':
                key, *values = (None if word == '-' else bytes.fromhex(word) for word in words[3:])
                self.elements[int(words[0])][int(words[1], 16)] = Element(int(words[2], 16), key, values)
            elif what == 'owner':
                self.owners[int(words[0]), int(words[1], 16)] = ' '.join(words[2:])


# ---- ELF, as far as it is asked for ----------------------------------------------------------------------------------

class Elf:
    """Sections, symbols and segments, by the specification and without anybody's library."""

    def __init__(self, path):
        self.file = open(path, 'rb')
        head = struct.unpack('<16sHHIQQQIHHHHHH', self.file.read(64))
        self.phoff, self.shoff, self.phnum, self.shnum, self.shstrndx = head[5], head[6], head[10], head[12], head[13]

    def at(self, offset, size):
        self.file.seek(offset)
        return self.file.read(size)

    def loads(self):
        """(physical address, bytes) of each segment."""
        for i in range(self.phnum):
            kind, _, offset, _, paddr, size = struct.unpack('<IIQQQQ', self.at(self.phoff + 56 * i, 40))
            if kind == 1:
                yield paddr, self.at(offset, size)

    def notes(self):
        """(name, type, bytes) of each note."""
        for i in range(self.phnum):
            kind, _, offset, _, _, size = struct.unpack('<IIQQQQ', self.at(self.phoff + 56 * i, 40))
            data, at = self.at(offset, size) if kind == 4 else b'', 0
            while at < len(data):
                name_size, size, note = struct.unpack_from('<III', data, at)
                desc = at + 12 + (name_size + 3 & ~3)
                yield data[at + 12:at + 11 + name_size].decode(), note, data[desc:desc + size]
                at = desc + (size + 3 & ~3)

    def sections(self):
        heads = [struct.unpack('<IIQQQQIIQQ', self.at(self.shoff + 64 * i, 64)) for i in range(self.shnum)]
        names = self.at(heads[self.shstrndx][4], heads[self.shstrndx][5])
        return [(names[head[0]:names.index(b'\0', head[0])].decode(), head) for head in heads]

    def section(self, name):
        head = next(head for found, head in self.sections() if found == name)
        return self.at(head[4], head[5])

    def variables(self):
        """{(section, name): (offset, size)} of every object whose name is unique."""
        sections = self.sections()
        table, strings = self.section('.symtab'), self.section('.strtab')
        found, n = {}, collections.Counter()
        for name, info, _, index, value, size in struct.iter_unpack('<IBBHQQ', table):
            if info & 15 == 1 and index < len(sections):
                key = sections[index][0], strings[name:strings.index(b'\0', name)].decode()
                found[key] = value, size
                n[key] += 1
        return {key: place for key, place in found.items() if n[key] == 1}


# ---- what is compared ------------------------------------------------------------------------------------------------

class Case:
    """One file in both readers."""

    def __init__(self, drgn, path, frame, vmlinux):
        self.drgn, self.path = drgn, path
        self.dump, self.command, self.object = frame.dump, frame.command, frame.object
        self.ours = Ours(self.dump, path, *SYMBOLS)
        self.shown = json.loads(said(self.command, 'show', '--json', path))
        self.prog = drgn.Program()
        self.prog.set_core_dump(str(path))
        self.prog.load_debug_info([str(vmlinux)])

    def maps(self):
        """The maps by drgn's own walk of map_idr."""
        from drgn.helpers.linux.idr import idr_for_each
        return {index: self.drgn.cast('struct bpf_map *', self.drgn.Object(self.prog, 'void *', value=entry.value_()))
                for index, entry in idr_for_each(self.prog['map_idr'].address_of_())}

    def array(self, bpf_map):
        """(address of element 0, bytes from one to the next, bytes of all) of a BPF_MAP_TYPE_ARRAY."""
        array = self.drgn.container_of(bpf_map, 'struct bpf_array', 'map')
        # kernel/bpf/arraymap.c: elem_size is the value's, rounded up to 8.
        stride = array.elem_size.value_()
        return array.value.address_, stride, stride * bpf_map.max_entries.value_()


def opens(case):
    if not case.prog.flags & case.drgn.ProgramFlags.IS_LINUX_KERNEL:
        yield f'drgn takes it for no kernel: {case.prog.flags}'
    release = case.shown['kernel']
    info = [data for name, _, data in Elf(case.path).notes() if name == 'VMCOREINFO']
    if len(info) != 1 or f'OSRELEASE={release}\n'.encode() not in info[0]:
        yield f'VMCOREINFO does not name {release}: {info}'


def registers(case):
    """NT_PRSTATUS, which drgn looks at for the stacks of tasks that were running."""
    notes = [data for name, kind, data in Elf(case.path).notes() if (name, kind) == ('CORE', 1)]
    shown = case.shown['vcpu_regs']
    if len(notes) != len(shown) or not shown:
        yield f'{len(notes)} notes, {len(shown)} CPUs in show --json'
    for cpu, (note, vcpu) in enumerate(zip(notes, shown)):
        # struct elf_prstatus: pr_pid at 32, pr_reg (struct user_regs_struct) at 112.
        pid, = struct.unpack_from('<I', note, 32)
        theirs = dict(zip(USER_REGS, struct.unpack_from('<27Q', note, 112)))
        del theirs['-']
        yield from unequal(f'CPU {cpu},', {'pid': cpu + 1, **{name: vcpu['registers'][name] for name in theirs}},
                           {'pid': pid, **theirs})
        name, _, offset = vcpu.get('symbol', '').partition('+')
        # It knows no generated code.
        if name and 'module' not in vcpu and case.prog.symbol(theirs['rip']).address + int(offset or '0', 16) != theirs['rip']:
            yield f'CPU {cpu} is in {vcpu["symbol"]}; for drgn it is {case.prog.symbol(theirs["rip"])}'


def symbols(case):
    known = 0
    for name in SYMBOLS:
        ours = case.ours.named[name]
        try:
            theirs = case.prog.symbol(name).address
        except LookupError:
            theirs = None
        known += theirs is not None
        if ours != theirs:
            yield f'{name}: ours {ours and hex(ours)}, drgn has {theirs and hex(theirs)}'
    if known < 20:
        yield f'drgn knows only {known} of {len(SYMBOLS)}'


def sample(case):
    n = collections.Counter(name for name, _ in case.ours.symbols)
    single = [symbol for symbol in case.ours.symbols if n[symbol[0]] == 1]
    step = max(1, len(single) // SAMPLE)
    compared = 0
    for name, address in single[::step]:
        try:
            theirs = case.prog.symbol(name).address
        except LookupError:
            continue
        compared += 1
        if address != theirs:
            yield f'{name}: ours {address:#x}, drgn has {theirs:#x}'
    # What drgn does not know is in modules, or made by the linker in passing.
    if compared < SAMPLE * 0.9:
        yield f'{compared} symbols compared, of {len(single)}'


def map_structs(case):
    theirs = {index: Map(m.id.value_(), m.value_(), m.map_type.value_(), m.key_size.value_(), m.value_size.value_(),
                         m.max_entries.value_(), m.map_flags.value_(), m.name.string_().decode())
              for index, m in case.maps().items()}
    yield from unequal('map', case.ours.maps, theirs)
    if len(theirs) < 5 or sum(m.type == 2 for m in theirs.values()) < 3:
        yield f'too few to be the scheduler\'s: {theirs}'


def shown_maps(case):
    """The same, of what `stillframe show --json` prints."""
    enumerators = {value: name for name, value in case.prog.type('enum bpf_map_type').enumerators}
    shown = {m['map_id']: m for m in case.shown['maps']}
    theirs = case.maps()
    yield from unequal('map of show --json', {key: None for key in shown}, {key: None for key in theirs})
    for index in shown.keys() & theirs.keys():
        m, t = shown[index], theirs[index]
        ours = (m['name'], m['map_kva'], m['map_type'], f'BPF_MAP_TYPE_{m["map_type_name"].upper()}',
                m.get('map_flags', 0), m['key_size'], m['value_size'], m['max_entries'])
        other = (t.name.string_().decode(), t.value_(), t.map_type.value_(), enumerators[t.map_type.value_()],
                 t.map_flags.value_(), t.key_size.value_(), t.value_size.value_(), t.max_entries.value_())
        if ours != other:
            yield f'map {index}: show --json says {ours}, drgn {other}'


def unequal(what, ours, theirs):
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours or key not in theirs:
            yield f'{what} {key}: only {"drgn" if key in theirs else "we"} have it'
        elif ours[key] != theirs[key]:
            yield f'{what} {key}: ours {ours[key]}, drgn has {theirs[key]}'


def array_bytes(case):
    seen = set()
    for index, m in case.maps().items():
        if m.map_type.value_() != 2:
            continue
        address, stride, size = case.array(m)
        ours = case.ours.values.get(index)
        if not ours:
            yield f'{m.name.string_()}: we have no values'
            continue
        if (ours.address, ours.stride, len(ours.bytes)) != (address, stride, size):
            yield (f'{m.name.string_()}: ours at {ours.address:#x}, {ours.stride} bytes each, {len(ours.bytes)} in '
                   f'all; drgn: {address:#x}, {stride}, {size}')
            continue
        theirs = case.prog.read(address, size)
        if theirs != ours.bytes:
            at = next(i for i in range(size) if theirs[i] != ours.bytes[i])
            yield f'{m.name.string_()}: byte {at} of {size} is {ours.bytes[at]:#x} for us, {theirs[at]:#x} for drgn'
        name = m.name.string_().decode()
        seen.add(name[name.index('.'):] if '.' in name else name)
    for section in '.bss', '.data', '.rodata':
        if section not in seen:
            yield f'there is no {section} among {sorted(seen)}'


# ---- maps whose elements are not in a row ---------------------------------------------------------------------------

class Walk:
    """Elements and owners by drgn's own helpers and the kernel's debug information."""

    def __init__(self, case):
        self.drgn, self.prog = case.drgn, case.prog
        self.cpus = range(self.prog['nr_cpu_ids'].value_())

    def of(self, bpf_map):
        """{address: Element} of a map; None for a type that has none, or is an array."""
        kind = bpf_map.map_type.value_()
        if kind == PERCPU_ARRAY:
            return self.percpu_array(bpf_map)
        if kind in HASHES + PERCPU_HASHES:
            return self.hash(bpf_map, kind in PERCPU_HASHES)
        if kind in (TASKS, CGROUPS, INODES, SOCKETS):
            return self.storage(bpf_map)
        return self.struct_ops(bpf_map) if kind == STRUCT_OPS else None

    def on_cpus(self, pointer, size):
        from drgn.helpers.linux.percpu import per_cpu_ptr
        return [self.prog.read(per_cpu_ptr(pointer, cpu).value_(), size) for cpu in self.cpus]

    def percpu_array(self, bpf_map):
        pointers = self.drgn.container_of(bpf_map, 'struct bpf_array', 'map').pptrs
        size = bpf_map.value_size.value_()
        return {pointers[i].address_: Element(0, None, self.on_cpus(pointers[i], size))
                for i in range(bpf_map.max_entries.value_())}

    def hash(self, bpf_map, is_percpu):
        from drgn.helpers.linux.list_nulls import hlist_nulls_for_each_entry
        table = self.drgn.container_of(bpf_map, 'struct bpf_htab', 'map')
        key_size, size = bpf_map.key_size.value_(), bpf_map.value_size.value_()
        found = {}
        buckets = table.buckets.read_()
        for i in range(table.n_buckets.value_()):
            for elem in hlist_nulls_for_each_entry('struct htab_elem', buckets[i].head.address_of_(), 'hash_node'):
                key = elem.key.address_
                # kernel/bpf/hashtab.c: the value begins at a multiple of 8 behind the key.
                at = key + (key_size + 7 & ~7)
                if is_percpu:
                    values = self.on_cpus(self.drgn.Object(self.prog, 'void *', address=at), size)
                else:
                    values = [self.prog.read(at, size)]
                found[elem.value_()] = Element(0, self.prog.read(key, key_size), values)
        return found

    def storage(self, bpf_map):
        from drgn.helpers.linux.list import hlist_for_each_entry
        storage = self.drgn.container_of(bpf_map, 'struct bpf_local_storage_map', 'map')
        size = bpf_map.value_size.value_()
        found = {}
        for i in range(1 << storage.bucket_log.value_()):
            for elem in hlist_for_each_entry('struct bpf_local_storage_elem', storage.buckets[i].list.address_of_(),
                                             'map_node'):
                found[elem.value_()] = Element(elem.local_storage.owner.value_(), None,
                                               [self.prog.read(elem.sdata.data.address_, size)])
        return found

    def struct_ops(self, bpf_map):
        ops = self.drgn.container_of(bpf_map, 'struct bpf_struct_ops_map', 'map')
        data = ops.kvalue.data.address_
        head = data - ops.kvalue.address_
        return {data: Element(0, None, [self.prog.read(data, bpf_map.value_size.value_() - head)])}

    def path(self, node):
        """drgn's kernfs_path() is older than the new name of `parent`."""
        parent = 'parent' if self.prog.type('struct kernfs_node').has_member('parent') else '__parent'
        names = []
        while node.member_(parent):
            names.insert(0, node.name.string_().decode(errors='replace'))
            node = node.member_(parent)
        return '/' + '/'.join(names)

    def owner(self, bpf_map, address):
        kind = bpf_map.map_type.value_()
        names = {TASKS: 'task_struct', CGROUPS: 'cgroup', INODES: 'inode', SOCKETS: 'sock'}
        it = self.drgn.Object(self.prog, f'struct {names[kind]} *', value=address)
        if kind == TASKS:
            return f'task {it.pid.value_()} {it.tgid.value_()} {it.comm.string_().decode(errors="replace")}'
        if kind == CGROUPS:
            return f'cgroup {self.path(it.kn)}'
        if kind == INODES:
            return f'inode {it.i_ino.value_()}'
        common = it.member_('__sk_common')
        return f'socket {common.skc_family.value_()} {common.skc_num.value_()}'


def unlike(name, at, ours, theirs):
    for what in Element._fields:
        mine, other = getattr(ours, what), getattr(theirs, what)
        # The key of an array and of local storage is not in memory.
        if mine != other:
            yield f'{name}: {what} of the element at {at:#x} is {mine} for us, {other} for drgn'


def elements(case, least):
    """Keys, values on every CPU and owners. @least: {type: how many have to be there}."""
    walk, n = Walk(case), collections.Counter()
    for index, bpf_map in case.maps().items():
        name, kind = bpf_map.name.string_().decode(), bpf_map.map_type.value_()
        theirs, ours = walk.of(bpf_map), case.ours.elements.get(index, {})
        if theirs is None:
            continue
        for at in ours.keys() ^ theirs.keys():
            yield f'{name}: only {"we" if at in ours else "drgn"} have the element at {at:#x}'
        for at in ours.keys() & theirs.keys():
            n[kind] += 1
            yield from unlike(name, at, ours[at], theirs[at])
            if not theirs[at].owner:
                continue
            owner, named = case.ours.owners.get((index, theirs[at].owner)), walk.owner(bpf_map, theirs[at].owner)
            if owner != named:
                yield f'{name}: the owner of the element at {at:#x} is {owner} for us, {named} for drgn'
    for kind, many in least.items():
        if n[kind] < many:
            yield f'{n[kind]} elements of maps of type {kind}, not even {many}'


def globals_by_name(case):
    """Numbers that `show --json` prints, against drgn's bytes where the object's symbol table has the variable."""
    places = Elf(case.object).variables()
    maps, compared = case.maps(), {}
    for shown in case.shown['maps']:
        if '.' not in shown['name'] or 'value' not in shown:
            continue
        section = shown['name'][shown['name'].index('.'):]
        address, _, _ = case.array(maps[shown['map_id']])
        for member in shown['value']['members']:
            value = member['value']
            place = places.get((section, member['name']))
            if not place or value['kind'] not in ('int', 'uint'):
                continue
            theirs = case.prog.read(address + place[0], place[1])
            theirs = int.from_bytes(theirs, 'little', signed=value['kind'] == 'int')
            compared[member['name']] = theirs
            if value['value'] != theirs or value['bits'] != 8 * place[1]:
                yield f'{member["name"]}: show --json says {value}, drgn reads {theirs} of {place[1]} bytes'
    if not compared.get('nr_dispatched') or compared.get('nr_cpus_onln') != 2 or len(compared) < 6:
        yield f'too little of a running scheduler: {compared}'


def faults(case):
    """What one capture has no use for is missing, for drgn as for us, and everything beside it still reads."""
    drgn, maps = case.drgn, case.maps()
    a_map = maps[min(maps)]
    task = case.prog['init_task']
    things = {
        'init_task.comm': task.comm, 'init_task.mm': task.mm, 'init_task.tasks': task.tasks,
        'init_task.cred': task.cred, 'operations of a map': a_map.ops.map_alloc,
        'init_user_ns': case.prog['init_user_ns'].level, 'init_uts_ns': case.prog['init_uts_ns'].name.release,
        'prog_idr': case.prog['prog_idr'].idr_base, 'map_idr': case.prog['map_idr'].idr_base,
        'a map': a_map.max_entries,
    }
    for m in maps.values():
        if m.btf:
            things['types of a map, parsed by the kernel'] = m.btf.types[1]
            break
    ours = Ours(case.dump, case.path, *(f'@{thing.address_:x}' for thing in things.values())).pages
    missing = kept = 0
    for name, thing in things.items():
        want = ours[thing.address_]
        try:
            thing.read_()
            got = 'kept'
        except drgn.FaultError:
            got = 'not-kept'
        missing += got != 'kept'
        kept += got == 'kept'
        if got != want:
            yield f'{name} at {thing.address_:#x}: {want} for us, {got} for drgn'
        if got != 'kept':
            again = {index: m.name.string_().decode() for index, m in case.maps().items()}
            if again != {index: m.name for index, m in case.ours.maps.items()}:
                yield f'after the fault of {name} the maps are {again}'
    if missing < 3 or kept < 2:
        yield f'{missing} missing and {kept} kept: nothing is proven'


def pages(case):
    """All of the file is memory to drgn, by physical address."""
    n = 0
    for address, data in Elf(case.path).loads():
        n += len(data) >> 12
        if case.prog.read(address, len(data), physical=True) != data:
            yield f'{len(data)} bytes at physical {address:#x} are others'
    if n < case.shown['pages_kept']:
        yield f'{n} pages in the file, {case.shown["pages_kept"]} were kept'


def kernel_types(case, vmlinux, want):
    """The kernel's BTF: whole in an export, and in the facts file of a frame."""
    start, stop = (case.prog.symbol(name).address for name in ('__start_BTF', '__stop_BTF'))
    try:
        got = case.prog.read(start, stop - start)
    except case.drgn.FaultError:
        got = None
    if want and got != Elf(vmlinux).section('.BTF'):
        yield 'not all of it is there' if got is None else 'it is not that of the vmlinux'
    if not want and got is not None:
        yield 'megabytes that belong to the facts file are in the frame'


# ---- the run ---------------------------------------------------------------------------------------------------------

Frame = collections.namedtuple('Frame', 'dump command object timer')

# How many elements of each type a scheduler has after a second, and how many the quiet maps of the oracle have.
SCHEDULERS = {PERCPU_ARRAY: 1, HASHES[0]: 1, TASKS: 30, STRUCT_OPS: 1}
QUIET = {PERCPU_ARRAY: 720, HASHES[0]: 3480, HASHES[1]: 100, PERCPU_HASHES[0]: 130, PERCPU_HASHES[1]: 30, TASKS: 22,
         CGROUPS: 10, INODES: 7, SOCKETS: 6}


class Checks(Tap):
    def prove(self, name, proof, *args):
        """What a proof yields is what is wrong; what it raises is that too."""
        try:
            findings = list(proof(*args))
        except Exception:  # pylint: disable=broad-except
            findings = [traceback.format_exc()]
        self.check(name, findings)


def reading_time(case, program):
    """A member of each task, three names deep: the same numbers, and what one of them takes here and there."""
    said_by_us = [line.split() for line in said(program, case.path).splitlines()]
    tasks = {int(at, 16): int(weight) for word, at, weight in (line for line in said_by_us if line[0] == 'task')}
    ours = next(float(line[1]) for line in said_by_us if line[0] == 'ns')
    if len(tasks) < 5:
        yield f'only {len(tasks)} tasks'
        return
    objects = {at: case.drgn.Object(case.prog, 'struct task_struct', address=at) for at in tasks}
    for at, task in objects.items():
        if task.se.load.weight.value_() != tasks[at]:
            yield f'the task at {at:#x}: {tasks[at]} for us, {task.se.load.weight.value_()} for drgn'
    rounds, before = 200, time.perf_counter_ns()
    for _ in range(rounds):
        for task in objects.values():
            task.se.load.weight.value_()
    theirs = (time.perf_counter_ns() - before) / (rounds * len(objects))
    print(f'# access.drgn_ns {theirs:.0f}, and {ours:.0f} here')


def check_file(tap, drgn, path, frame, vmlinux, is_export):
    what = 'an export' if is_export else 'a frame'
    cases = []

    def loads():
        cases.append(Case(drgn, path, frame, vmlinux))
        yield from opens(cases[0])

    tap.prove(f'drgn opens {what}', loads)
    if not cases:
        return
    case = cases[0]
    tap.prove(f'registers of the CPUs are notes of {what}', registers, case)
    tap.prove(f'symbols of {what} agree', symbols, case)
    tap.prove(f'a thousand other symbols of {what} agree', sample, case)
    tap.prove(f'map_idr of {what} has the same maps', map_structs, case)
    tap.prove(f'show --json of {what} has the same maps', shown_maps, case)
    tap.prove(f'bytes of all array maps of {what} agree', array_bytes, case)
    tap.prove(f'elements of all other maps of {what} agree', elements, case, SCHEDULERS)
    tap.prove(f'globals of {what} by the object\'s symbol table agree with show --json', globals_by_name, case)
    tap.prove(f'what {what} has not is a fault of that object alone', faults, case)
    tap.prove(f'every page of {what} can be read by its address', pages, case)
    if not is_export:
        tap.prove(f'members of tasks in {what} agree', reading_time, case, frame.timer)
    tap.prove(f'{what} has {"all" if is_export else "not all"} of the kernel\'s BTF', kernel_types, case, vmlinux,
              is_export)


def check_quiet(tap, drgn, path, frame, vmlinux, what):
    """Maps of every type, full of noise."""
    cases = []

    def loads():
        cases.append(Case(drgn, path, frame, vmlinux))
        yield from opens(cases[0])

    tap.prove(f'drgn opens {what} of quiet maps', loads)
    if cases:
        tap.prove(f'elements and owners in {what} of quiet maps agree', elements, cases[0], QUIET)


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__.strip())
    # A test that is told to end takes its guest with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command, dump, bpf_object, oracle, timer = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    tap = Checks()
    try:
        import drgn
    except ImportError as error:
        tap.check('drgn is there', [f'{error}: tools/setup --drgn installs python3-drgn'])
        tap.end()
    kernel = pathlib.Path(said(TOP / 'tools/kernel-get', '--dbg', 'newest', seconds=1500).strip())
    vmlinux = kernel.with_name('vmlinux')
    frame = Frame(dump, command, bpf_object, timer)
    with tempfile.TemporaryDirectory(prefix='stillframe-drgn-') as work:
        kept, export = (pathlib.Path(work) / name for name in ('run/mid.frame', 'full.core'))

        def captured():
            said(command, 'run', '--scheduler', bpf_object, '--kernel', kernel, '--for', '2s', '--capture', 'mid@1s',
                 '--accel', 'tcg', '--out', kept.parent, seconds=RUN_SECONDS)
            said(command, 'export', kept, export)
            if not os.path.getsize(kept) < os.path.getsize(export):
                yield 'the export is no larger than the frame'

        tap.prove('a run gives a frame and an export', captured)
        if not tap.bad:
            check_file(tap, drgn, kept, frame, vmlinux, False)
            check_file(tap, drgn, export, frame, vmlinux, True)

        def kept_quiet():
            said(oracle, bpf_object.parents[2], kernel, bpf_object.parent.name, seconds=RUN_SECONDS,
                 env={'STILLFRAME_KEEP': work})
            yield from ()

        tap.prove('a run with quiet maps gives a frame and an export', kept_quiet)
        for name, what in ('oracle.frame', 'the frame'), ('oracle.core', 'the export'):
            path = pathlib.Path(work) / name
            if path.exists():
                check_quiet(tap, drgn, path, frame, vmlinux, what)
    tap.end()


main()
