/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of `info registers -a` as numbers: what QEMU really writes, and what it never would. */
#include "check.h"

#include "../../src/run/vm/regs.h"

/* QEMU 7.2.22, TCG, 6.18 after a panic: CPU 0 stopped in its idle loop, CPU 1 in the reset. */
static const char two_cpus[] =
	"\r\n"
	"CPU#0\r\n"
	"RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=ffffffff89c130c0\r\n"
	"RSI=00000000000000ff RDI=ff172b751f218060 RBP=ff172b75949ed000 RSP=ff4dedadc0003fd8\r\n"
	"R8 =0000000000000000 R9 =0000000000000000 R10=0000000000000000 R11=ff4dedadc0003ff8\r\n"
	"R12=0000000000000000 R13=0000000000000000 R14=0000000000000000 R15=0000000000000000\r\n"
	"RIP=ffffffff87eda697 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
	"ES =0000 0000000000000000 00000000 00000000\r\n"
	"CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\r\n"
	"SS =0018 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]\r\n"
	"DS =0000 0000000000000000 00000000 00000000\r\n"
	"FS =0000 0000000000000000 00000000 00000000\r\n"
	"GS =0000 ff172b75949ed000 00000000 00000000\r\n"
	"LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT\r\n"
	"TR =0040 fffffe395fdc5000 00004087 00008900 DPL=0 TSS64-avl\r\n"
	"GDT=     fffffe395fdc3000 0000007f\r\n"
	"IDT=     fffffe0000000000 00000fff\r\n"
	"CR0=80050033 CR2=ff172b7511e01000 CR3=0000000010e2a000 CR4=00751ef0\r\n"
	"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
	"DR6=00000000ffff0ff0 DR7=0000000000000400\r\n"
	"EFER=0000000000000d01\r\n"
	"FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r\n"
	"FPR0=0000000000000000 0000 FPR1=0000000000000000 0000\r\n"
	"FPR2=0000000000000000 0000 FPR3=0000000000000000 0000\r\n"
	"FPR4=0000000000000000 0000 FPR5=0000000000000000 0000\r\n"
	"FPR6=0000000000000000 0000 FPR7=0000000000000000 0000\r\n"
	"YMM00=0000000000000000 0000000000000000 7b6a477c3e62188b 998e05f8e6626a94\r\n"
	"YMM01=0000000000000000 0000000000000000 082131184cbe16e7 cecbe0a9ef55e094\r\n"
	"YMM02=0000000000000000 0000000000000000 3465ac075c429821 21c62c3870137d46\r\n"
	"YMM03=0000000000000000 0000000000000000 9451cb95821d305b 6111d3f0f23095fb\r\n"
	"YMM04=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM05=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM06=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM07=0000000000000000 0000000000000000 0000000000000000 00000000b2103d43\r\n"
	"YMM08=0000000000000000 0000000000000000 c6000000d0000000 340000004c000000\r\n"
	"YMM09=0000000000000000 0000000000000000 08090a0b0c0d0e0f 0001020304050607\r\n"
	"YMM10=0000000000000000 0000000000000000 a54ff53a3c6ef372 bb67ae856b08c647\r\n"
	"YMM11=0000000000000000 0000000000000000 5be0cd191f83d9ab 9b05688c510e527f\r\n"
	"YMM12=0000000000000000 0000000000000000 0d0c0f0e09080b0a 0504070601000302\r\n"
	"YMM13=0000000000000000 0000000000000000 0c0f0e0d080b0a09 0407060500030201\r\n"
	"YMM14=0000000000000000 0000000000000000 0000000000000000 0000000000000040\r\n"
	"YMM15=0000000000000000 0000000000000000 0000000000000000 0000000000000040\r\n"
	"\r\n"
	"CPU#1\r\n"
	"RAX=0000000000000000 RBX=0000000000000061 RCX=ffffffff89cdace8 RDX=0000000000000cf9\r\n"
	"RSI=000000000000000f RDI=0000000000000cf9 RBP=0000000000000000 RSP=ff4dedadc00139a8\r\n"
	"R8 =0000000000000000 R9 =0000000000000000 R10=66664f206c656e72 R11=4f206c656e72654b\r\n"
	"R12=0000000000000000 R13=0000000000000001 R14=ff4dedadc0013b98 R15=ff172b750124a240\r\n"
	"RIP=ffffffff887c1041 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\r\n"
	"ES =0000 0000000000000000 00000000 00000000\r\n"
	"CS =0010 0000000000000000 ffffffff 00a09b00 DPL=0 CS64 [-RA]\r\n"
	"SS =0018 0000000000000000 ffffffff 00c09300 DPL=0 DS   [-WA]\r\n"
	"DS =0000 0000000000000000 00000000 00000000\r\n"
	"FS =0000 0000000013fa1380 00000000 00000000\r\n"
	"GS =0000 ff172b7594aed000 00000000 00000000\r\n"
	"LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT\r\n"
	"TR =0040 fffffe6d9363b000 00004087 00008900 DPL=0 TSS64-avl\r\n"
	"GDT=     fffffe6d93639000 0000007f\r\n"
	"IDT=     fffffe0000000000 00000fff\r\n"
	"CR0=80050033 CR2=000000000048f050 CR3=000000000274c000 CR4=00751ef0\r\n"
	"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
	"DR6=00000000ffff0ff0 DR7=0000000000000400\r\n"
	"EFER=0000000000000d01\r\n"
	"FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001fa0\r\n"
	"FPR0=0000000000000000 0000 FPR1=0000000000000000 0000\r\n"
	"FPR2=0000000000000000 0000 FPR3=0000000000000000 0000\r\n"
	"FPR4=0000000000000000 0000 FPR5=0000000000000000 0000\r\n"
	"FPR6=0000000000000000 0000 FPR7=0000000000000000 0000\r\n"
	"YMM00=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM01=0000000000000000 0000000000000000 0000000000000000 000000000000ff00\r\n"
	"YMM02=0000000000000000 0000000000000000 0000000000000000 00ffffffffffffff\r\n"
	"YMM03=0000000000000000 0000000000000000 ffff000000000000 0000ff0000000000\r\n"
	"YMM04=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM05=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM06=0000000000000000 0000000000000000 000000ff00000000 0000ff0000000000\r\n"
	"YMM07=0000000000000000 0000000000000000 2f2f2f2f2f2f2f2f 2f2f2f2f2f2f2f2f\r\n"
	"YMM08=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM09=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM10=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM11=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM12=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM13=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM14=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n"
	"YMM15=0000000000000000 0000000000000000 0000000000000000 0000000000000000\r\n";

/* QEMU 7.2.22 before the first instruction: 16-bit code. */
static const char at_reset[] =
	"\r\n"
	"CPU#0\r\n"
	"EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1\r\n"
	"ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000\r\n"
	"EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\r\n"
	"ES =0000 00000000 0000ffff 00009300\r\n"
	"CS =f000 ffff0000 0000ffff 00009b00\r\n"
	"SS =0000 00000000 0000ffff 00009300\r\n"
	"DS =0000 00000000 0000ffff 00009300\r\n"
	"FS =0000 00000000 0000ffff 00009300\r\n"
	"GS =0000 00000000 0000ffff 00009300\r\n"
	"LDT=0000 00000000 0000ffff 00008200\r\n"
	"TR =0000 00000000 0000ffff 00008b00\r\n"
	"GDT=     00000000 0000ffff\r\n"
	"IDT=     00000000 0000ffff\r\n"
	"CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\r\n"
	"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
	"DR6=00000000ffff0ff0 DR7=0000000000000400\r\n"
	"EFER=0000000000000000\r\n"
	"FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r\n"
	"FPR0=0000000000000000 0000 FPR1=0000000000000000 0000\r\n"
	"FPR2=0000000000000000 0000 FPR3=0000000000000000 0000\r\n"
	"FPR4=0000000000000000 0000 FPR5=0000000000000000 0000\r\n"
	"FPR6=0000000000000000 0000 FPR7=0000000000000000 0000\r\n"
	"XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000\r\n"
	"XMM02=0000000000000000 0000000000000000 XMM03=0000000000000000 0000000000000000\r\n"
	"XMM04=0000000000000000 0000000000000000 XMM05=0000000000000000 0000000000000000\r\n"
	"XMM06=0000000000000000 0000000000000000 XMM07=0000000000000000 0000000000000000\r\n"
	"\r\n"
	"CPU#1\r\n"
	"EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1\r\n"
	"ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000\r\n"
	"EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
	"ES =0000 00000000 0000ffff 00009300\r\n"
	"CS =f000 ffff0000 0000ffff 00009b00\r\n"
	"SS =0000 00000000 0000ffff 00009300\r\n"
	"DS =0000 00000000 0000ffff 00009300\r\n"
	"FS =0000 00000000 0000ffff 00009300\r\n"
	"GS =0000 00000000 0000ffff 00009300\r\n"
	"LDT=0000 00000000 0000ffff 00008200\r\n"
	"TR =0000 00000000 0000ffff 00008b00\r\n"
	"GDT=     00000000 0000ffff\r\n"
	"IDT=     00000000 0000ffff\r\n"
	"CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\r\n"
	"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
	"DR6=00000000ffff0ff0 DR7=0000000000000400\r\n"
	"EFER=0000000000000000\r\n"
	"FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r\n"
	"FPR0=0000000000000000 0000 FPR1=0000000000000000 0000\r\n"
	"FPR2=0000000000000000 0000 FPR3=0000000000000000 0000\r\n"
	"FPR4=0000000000000000 0000 FPR5=0000000000000000 0000\r\n"
	"FPR6=0000000000000000 0000 FPR7=0000000000000000 0000\r\n"
	"XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000\r\n"
	"XMM02=0000000000000000 0000000000000000 XMM03=0000000000000000 0000000000000000\r\n"
	"XMM04=0000000000000000 0000000000000000 XMM05=0000000000000000 0000000000000000\r\n"
	"XMM06=0000000000000000 0000000000000000 XMM07=0000000000000000 0000000000000000\r\n";

/* What newer versions (target/i386/cpu-dump.c, 11.0) add for a CPU with APX and AVX-512. */
static const char with_apx[] =
	"\r\nCPU#0\r\n"
	"RAX=0000000000000001 RBX=0000000000000002 RCX=0000000000000003 RDX=0000000000000004\r\n"
	"RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=ffffc90000003e78\r\n"
	"R8 =0000000000000008 R9 =0000000000000009 R10=000000000000000a R11=000000000000000b\r\n"
	"R12=000000000000000c R13=000000000000000d R14=000000000000000e R15=000000000000000f\r\n"
	"R16=1111111111111111 R17=2222222222222222 R18=3333333333333333 R19=4444444444444444\r\n"
	"R20=0000000000000000 R21=0000000000000000 R22=0000000000000000 R23=0000000000000000\r\n"
	"R24=0000000000000000 R25=0000000000000000 R26=0000000000000000 R27=0000000000000000\r\n"
	"R28=0000000000000000 R29=0000000000000000 R30=0000000000000000 R31=0000000000000000\r\n"
	"RIP=ffffffff81000000 RFL=00000286 [--S--P-] CPL=3 II=0 A20=1 SMM=0 HLT=0\r\n"
	"ES =0000 0000000000000000 00000000 00000000\r\n"
	"CS =0033 0000000000000000 ffffffff 00a0fb00 DPL=3 CS64 [-RA]\r\n"
	"SS =002b 0000000000000000 ffffffff 00c0f300 DPL=3 DS   [-WA]\r\n"
	"FS =0000 00007f0011223344 00000000 00000000\r\n"
	"GS =0000 0000000000000000 00000000 00000000\r\n"
	"CR0=80050033 CR2=00007f0000001000 CR3=000000010274c006 CR4=00751ef0\r\n"
	"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
	"CCS=0000000000000000 CCD=0000000000000000 CCO=EFLAGS\r\n"
	"EFER=0000000000000d01\r\n"
	"Opmask00=00000000ffffffff Opmask01=0000000000000000 Opmask02=0000000000000000 Opmask03=0000000000000000\r\n"
	"ZMM00=0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
	"0000000000000000 0000000000000000\r\n";

/* The least that makes registers useful. */
#define LEAST(rip) "RSP=0000000000001000 RIP=" rip " RFL=00000002\nCR0=80050033 CR3=0000000000002000\n"

static void parse(const char *text, struct sf_vcpu_regs *regs, size_t n)
{
	memset(regs, 0xa5, n * sizeof(*regs));
	sf_vcpu_regs_parse(text, strlen(text), regs, n);
}

static void test_what_qemu_72_writes(void **state)
{
	struct sf_vcpu_regs r[2];

	(void)state;
	parse(two_cpus, r, 2);
	assert_true(r[0].present);
	assert_true(r[0].halted);
	assert_int_equal(r[0].cpl, 0);
	assert_int_equal(r[0].rip, 0xffffffff87eda697);
	assert_int_equal(r[0].rsp, 0xff4dedadc0003fd8);
	assert_int_equal(r[0].rbp, 0xff172b75949ed000);
	assert_int_equal(r[0].rdx, 0xffffffff89c130c0);
	assert_int_equal(r[0].rsi, 0xff);
	assert_int_equal(r[0].rdi, 0xff172b751f218060);
	assert_int_equal(r[0].r11, 0xff4dedadc0003ff8);
	assert_int_equal(r[0].rflags, 0x46);
	assert_int_equal(r[0].cs, 0x10);
	assert_int_equal(r[0].ss, 0x18);
	assert_int_equal(r[0].fs_base, 0);
	assert_int_equal(r[0].gs_base, 0xff172b75949ed000);
	assert_int_equal(r[0].cr0, 0x80050033);
	assert_int_equal(r[0].cr2, 0xff172b7511e01000);
	assert_int_equal(r[0].cr3, 0x10e2a000);
	assert_int_equal(r[0].cr4, 0x751ef0);
	assert_int_equal(r[0].efer, 0xd01);
	assert_true(r[1].present);
	assert_false(r[1].halted);
	assert_int_equal(r[1].rip, 0xffffffff887c1041);
	assert_int_equal(r[1].rbx, 0x61);
	assert_int_equal(r[1].r14, 0xff4dedadc0013b98);
	assert_int_equal(r[1].r15, 0xff172b750124a240);
	assert_int_equal(r[1].fs_base, 0x13fa1380);
	assert_int_equal(r[1].cr3, 0x274c000);
}

static void test_registers_outside_64_bit_code(void **state)
{
	struct sf_vcpu_regs r[2];

	(void)state;
	parse(at_reset, r, 2);
	assert_true(r[0].present && r[1].present);
	assert_int_equal(r[0].rip, 0xfff0);
	assert_int_equal(r[0].cs, 0xf000);
	assert_int_equal(r[0].rdx, 0x60fb1);
	assert_int_equal(r[0].rflags, 2);
	assert_int_equal(r[0].cr0, 0x60000010);
	assert_int_equal(r[0].efer, 0);
}

static void test_registers_that_newer_versions_add_are_skipped(void **state)
{
	struct sf_vcpu_regs r[1];

	(void)state;
	parse(with_apx, r, 1);
	assert_true(r[0].present);
	assert_int_equal(r[0].rax, 1);
	assert_int_equal(r[0].r15, 15);
	assert_int_equal(r[0].rip, 0xffffffff81000000);
	assert_int_equal(r[0].cpl, 3);
	assert_int_equal(r[0].cs, 0x33);
	assert_int_equal(r[0].fs_base, 0x7f0011223344);
	assert_int_equal(r[0].cr3, 0x10274c006);
	assert_int_equal(r[0].efer, 0xd01);
}

static void test_a_cpu_that_is_not_in_the_text_is_absent(void **state)
{
	struct sf_vcpu_regs r[4];

	(void)state;
	parse(two_cpus, r, 4);
	assert_true(r[0].present && r[1].present);
	assert_false(r[2].present || r[3].present);
	assert_int_equal(r[2].rip, 0);
	parse("", r, 4);
	assert_false(r[0].present);
}

static void test_fewer_cpus_than_the_text_has(void **state)
{
	struct sf_vcpu_regs r[2];

	(void)state;
	memset(r, 0x5a, sizeof(r));
	sf_vcpu_regs_parse(two_cpus, strlen(two_cpus), r, 1);
	assert_true(r[0].present);
	assert_int_equal(r[1].rip, 0x5a5a5a5a5a5a5a5a);
}

static void test_a_cpu_without_what_matters_is_absent(void **state)
{
	struct sf_vcpu_regs r[2];

	(void)state;
	parse("CPU#0\n" LEAST("1") "CPU#1\nRIP=0000000000000001 RSP=0000000000000002\n", r, 2);
	assert_true(r[0].present);
	assert_false(r[1].present);
	assert_int_equal(r[1].rip, 0);
}

static void test_a_number_that_is_none_makes_its_cpu_absent(void **state)
{
	static const char *const bad[] = {
		"CPU#0\n" LEAST("zz"),
		"CPU#0\n" LEAST(""),
		"CPU#0\n" LEAST("12345678123456781"),
		"CPU#0\n" LEAST("1") "CPL=9\n",
		"CPU#0\n" LEAST("1") "HLT=2\n",
		"CPU#0\n" LEAST("1") "CS =12345\n",
		"CPU#0\n" LEAST("1") "GS =0000\n",
		"CPU#0\n" LEAST("1") "GS =0000 \n",
	};
	struct sf_vcpu_regs r[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = sf_asprintf("%sCPU#1\n" LEAST("7"), bad[i]);

		parse(text, r, 2);
		assert_false(r[0].present);
		assert_true(r[1].present);
		assert_int_equal(r[1].rip, 7);
	}
}

static void test_a_cpu_that_comes_twice_is_absent(void **state)
{
	struct sf_vcpu_regs r[2];

	(void)state;
	parse("CPU#0\n" LEAST("1") "CPU#1\n" LEAST("2") "CPU#0\n" LEAST("3") "CPU#0\n" LEAST("4"), r, 2);
	assert_false(r[0].present);
	assert_int_equal(r[1].rip, 2);
}

static void test_numbers_of_cpus_that_cannot_be(void **state)
{
	static const char *const bad[] = {
		"CPU#\n" LEAST("1"), "CPU#-1\n" LEAST("1"), "CPU#x\n" LEAST("1"), "CPU#0x\n" LEAST("1"),
		"CPU#18446744073709551616\n" LEAST("1"), "CPU 0\n" LEAST("1"), LEAST("1"), "CPU#0",
	};
	struct sf_vcpu_regs r[1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		parse(bad[i], r, 1);
		assert_false(r[0].present);
	}
}

/* Every prefix, and every single byte changed: right values or absent, never a read beyond the end (see ASan). */
static void test_any_cut_and_any_changed_byte(void **state)
{
	size_t len = strlen(two_cpus);
	char *text = malloc(len);
	struct sf_vcpu_regs r[2];

	(void)state;
	assert_non_null(text);
	for (size_t cut = 0; cut < len; cut++) {
		char *exact = malloc(cut ? cut : 1);

		assert_non_null(exact);
		memcpy(exact, two_cpus, cut);
		sf_vcpu_regs_parse(exact, cut, r, 2);
		if (r[0].present)
			assert_int_equal(r[0].rip, 0xffffffff87eda697);
		free(exact);
	}
	for (size_t at = 0; at < len; at += 7) {
		memcpy(text, two_cpus, len);
		text[at] ^= 0x15;
		sf_vcpu_regs_parse(text, len, r, 2);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_qemu_72_writes),
		cmocka_unit_test(test_registers_outside_64_bit_code),
		cmocka_unit_test(test_registers_that_newer_versions_add_are_skipped),
		cmocka_unit_test(test_a_cpu_that_is_not_in_the_text_is_absent),
		cmocka_unit_test(test_fewer_cpus_than_the_text_has),
		cmocka_unit_test(test_a_cpu_without_what_matters_is_absent),
		cmocka_unit_test(test_a_number_that_is_none_makes_its_cpu_absent),
		cmocka_unit_test(test_a_cpu_that_comes_twice_is_absent),
		cmocka_unit_test(test_numbers_of_cpus_that_cannot_be),
		cmocka_unit_test(test_any_cut_and_any_changed_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
