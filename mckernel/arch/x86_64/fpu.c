/* SPDX-License-Identifier: GPL-2.0-only */
/* The FPU's and vector registers of programs, kept in XSAVE's standard format. */
#include "mck/errno.h"
#include "mck/objects.h"
#include "x86.h"

/* x87, SSE, AVX, and AVX-512's three. */
#define XCR0_BASE 0x7UL
#define XCR0_AVX512 0xe0UL

/* The area: x87, but for MXCSR and its mask, SSE, the header, the rest where CPUID says. */
#define OFFSET_MXCSR 24
#define X87_END 160
#define SSE_END 416
#define OFFSET_WRITTEN FXSAVE_SIZE /* a bit for each component that is not as it begins */
#define FIRST_EXTENDED 2
#define FCW_INITIAL 0x37f
#define MXCSR_INITIAL 0x1f80

static void set_xcr0(u64 value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)value), "d"((u32)(value >> 32)));
}

static void fpu_detect(void)
{
	u32 out[4];

	x86.fpu_size = FXSAVE_SIZE;
	if (!x86.xsave)
		return;
	cpuid(0xd, 0, out);
	x86.xcr0 = out[0] & XCR0_BASE;
	if ((out[0] & XCR0_AVX512) == XCR0_AVX512)
		x86.xcr0 |= XCR0_AVX512;
	set_xcr0(x86.xcr0);
	cpuid(0xd, 0, out); /* the size for what is enabled now */
	x86.fpu_size = out[1];
	cpuid(0xd, 1, out);
	x86.xsaveopt = out[0] & 1;
}

void fpu_init_cpu(void)
{
	if (!x86.fpu_size)
		fpu_detect();
	if (x86.xsave)
		set_xcr0(x86.xcr0);
	__asm__ volatile("fninit");
}

void fpu_save(void *area)
{
	u32 low = (u32)x86.xcr0, high = (u32)(x86.xcr0 >> 32);

	if (x86.xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
	else if (x86.xsave)
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

int fpu_restore_checked(const void *area)
{
	u32 low = (u32)x86.xcr0, high = (u32)(x86.xcr0 >> 32);
	int err = -EFAULT;

	/* The store of 0 is skipped if the restore faults. */
	if (x86.xsave)
		__asm__ volatile("1: xrstor64 (%1)\n\txor %0, %0\n2:\n" EXTABLE("1b", "2b")
				 : "+r"(err)
				 : "r"(area), "a"(low), "d"(high)
				 : "memory");
	else
		__asm__ volatile("1: fxrstor64 (%1)\n\txor %0, %0\n2:\n" EXTABLE("1b", "2b")
				 : "+r"(err)
				 : "r"(area)
				 : "memory");
	return err;
}

void fpu_restore(const void *area)
{
	kassert(fpu_restore_checked(area) == 0);
}

void fpu_area_init(u8 *area)
{
	memset(area, 0, x86.fpu_size);
	*(u16 *)area = FCW_INITIAL;
	*(u32 *)(area + OFFSET_MXCSR) = MXCSR_INITIAL;
}

/* The area is aligned to 64; the word before it is what up_kmalloc() gave. */
int arch_fpu_alloc(struct thread *t)
{
	u8 *block = up_kmalloc(x86.fpu_size + 64 + sizeof(void *));
	u64 area = ALIGN_UP((u64)block + sizeof(void *), 64UL);

	if (!block)
		return -ENOMEM;
	((void **)area)[-1] = block;
	t->arch.fpu = (void *)area;
	arch_fpu_reset(t);
	return 0;
}

void arch_fpu_free(struct thread *t)
{
	if (t->arch.fpu)
		up_kfree(((void **)t->arch.fpu)[-1]);
	t->arch.fpu = NULL;
}

void arch_fpu_reset(struct thread *t)
{
	u8 *area = t->arch.fpu;

	fpu_area_init(area);
	if (t == current_thread())
		fpu_restore(area);
}

void arch_fpu_copy(struct thread *to, struct thread *from)
{
	if (from == current_thread())
		fpu_save(from->arch.fpu);
	memcpy(to->arch.fpu, from->arch.fpu, x86.fpu_size);
	if (to == current_thread())
		fpu_restore(to->arch.fpu);
}

/* Of a component that is as it begins, nothing need have been written: what stands there is older. */
void fpu_image(const void *area, u8 *image, size_t size)
{
	u64 written = x86.xsave ? *(const u64 *)((const u8 *)area + OFFSET_WRITTEN) : ~0UL;
	u32 out[4];

	memcpy(image, area, size);
	if (!(written & 1)) {
		memset(image, 0, OFFSET_MXCSR);
		memset(image + OFFSET_MXCSR + 8, 0, X87_END - OFFSET_MXCSR - 8);
		*(u16 *)image = FCW_INITIAL;
	}
	if (!(written & 2))
		memset(image + X87_END, 0, SSE_END - X87_END);
	for (u32 i = FIRST_EXTENDED; x86.xcr0 >> i; i++) {
		if (!(x86.xcr0 & 1UL << i) || (written & 1UL << i))
			continue;
		cpuid(0xd, i, out);
		if (out[1] + out[0] <= size)
			memset(image + out[1], 0, out[0]);
	}
}
