/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlsym, dlvsym, dlopen and dlclose as the program sees them. What RTLD_NEXT, RTLD_DEFAULT and a library's
 * RUNPATH mean depends on the caller's return address, so calls that are none of our business
 * leave by a jump and glibc sees the real caller.
 *
 * A name goes to interpose_dlsym() when it begins with "cu" or "dl", or when a library was opened
 * with RTLD_DEEPBIND since the last look; that function answers {address, is_answered}.
 */
#if defined(__x86_64__)
	.text

	.macro	LOOKUP symbol, real, hook
	.globl	\symbol
	.type	\symbol, @function
	.p2align 4
\symbol:
	.cfi_startproc
	endbr64
	cmpl	$0, interpose_scan_pending(%rip)
	jne	1f
	testq	%rsi, %rsi
	je	2f
	movzbl	(%rsi), %eax
	cmpb	$'c', %al
	je	3f
	cmpb	$'d', %al
	jne	2f
	cmpb	$'l', 1(%rsi)
	je	1f
	jmp	2f
3:	cmpb	$'u', 1(%rsi)
	je	1f
2:	movq	\real(%rip), %rax
	testq	%rax, %rax
	je	1f
	jmp	*%rax
1:	movq	(%rsp), %rcx		/* the caller */
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	call	\hook
	testq	%rdx, %rdx
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	je	4f
	ret
4:	movq	\real(%rip), %rax
	testq	%rax, %rax
	je	5f
	jmp	*%rax
5:	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	\symbol, . - \symbol
	.endm

	LOOKUP	dlsym, real_dlsym, interpose_dlsym
	LOOKUP	dlvsym, real_dlvsym, interpose_dlvsym

	.globl	dlopen
	.type	dlopen, @function
	.p2align 4
dlopen:
	.cfi_startproc
	endbr64
	lock incl path_loads(%rip)	/* perhaps of an interpreter */
	testl	$8, %esi		/* RTLD_DEEPBIND */
	je	1f
	movl	$1, interpose_scan_pending(%rip)
1:	movq	real_dlopen(%rip), %rax
	testq	%rax, %rax
	je	2f
	jmp	*%rax
2:	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	real_loader_resolve
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	movq	real_dlopen(%rip), %rax
	testq	%rax, %rax
	je	3f
	jmp	*%rax
3:	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	dlopen, . - dlopen

/* Frames on a live stack keep their code: what is cached before the counter moves stays true. */
	.globl	dlclose
	.type	dlclose, @function
	.p2align 4
dlclose:
	.cfi_startproc
	endbr64
	lock incl unwind_code_generation(%rip)
	movq	real_dlclose(%rip), %rax
	testq	%rax, %rax
	je	1f
	jmp	*%rax
1:	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	call	real_loader_resolve
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	movq	real_dlclose(%rip), %rax
	testq	%rax, %rax
	je	2f
	jmp	*%rax
2:	movl	$-1, %eax
	ret
	.cfi_endproc
	.size	dlclose, . - dlclose

#elif defined(__aarch64__)
	.text

	.macro	LOAD register, symbol
	adrp	\register, \symbol
	ldr	\register, [\register, :lo12:\symbol]
	.endm

	.macro	COUNT symbol
	adrp	x9, \symbol
	add	x9, x9, :lo12:\symbol
8:	ldaxr	w10, [x9]
	add	w10, w10, #1
	stlxr	w11, w10, [x9]
	cbnz	w11, 8b
	.endm

	.macro	LOOKUP symbol, real, hook
	.globl	\symbol
	.type	\symbol, @function
	.p2align 4
\symbol:
	.cfi_startproc
	hint	#34			/* bti c */
	adrp	x9, interpose_scan_pending
	ldr	w9, [x9, :lo12:interpose_scan_pending]
	cbnz	w9, 1f
	cbz	x1, 2f
	ldrb	w9, [x1]
	cmp	w9, #'c'
	b.eq	3f
	cmp	w9, #'d'
	b.ne	2f
	ldrb	w9, [x1, #1]
	cmp	w9, #'l'
	b.eq	1f
	b	2f
3:	ldrb	w9, [x1, #1]
	cmp	w9, #'u'
	b.eq	1f
2:	LOAD	x16, \real
	cbz	x16, 1f
	br	x16
1:	stp	x29, x30, [sp, #-48]!
	.cfi_def_cfa_offset 48
	.cfi_offset 29, -48
	.cfi_offset 30, -40
	stp	x0, x1, [sp, #16]
	str	x2, [sp, #32]
	mov	x3, x30			/* the caller */
	bl	\hook
	mov	x9, x0
	mov	x10, x1
	ldp	x0, x1, [sp, #16]
	ldr	x2, [sp, #32]
	ldp	x29, x30, [sp], #48
	.cfi_def_cfa_offset 0
	.cfi_restore 29
	.cfi_restore 30
	cbz	x10, 4f
	mov	x0, x9
	ret
4:	LOAD	x16, \real
	cbz	x16, 5f
	br	x16
5:	mov	x0, #0
	ret
	.cfi_endproc
	.size	\symbol, . - \symbol
	.endm

	LOOKUP	dlsym, real_dlsym, interpose_dlsym
	LOOKUP	dlvsym, real_dlvsym, interpose_dlvsym

	.globl	dlopen
	.type	dlopen, @function
	.p2align 4
dlopen:
	.cfi_startproc
	hint	#34
	COUNT	path_loads		/* perhaps of an interpreter */
	tbz	w1, #3, 1f		/* RTLD_DEEPBIND */
	mov	w9, #1
	adrp	x10, interpose_scan_pending
	str	w9, [x10, :lo12:interpose_scan_pending]
1:	LOAD	x16, real_dlopen
	cbz	x16, 2f
	br	x16
2:	stp	x29, x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset 29, -32
	.cfi_offset 30, -24
	stp	x0, x1, [sp, #16]
	bl	real_loader_resolve
	ldp	x0, x1, [sp, #16]
	ldp	x29, x30, [sp], #32
	.cfi_def_cfa_offset 0
	.cfi_restore 29
	.cfi_restore 30
	LOAD	x16, real_dlopen
	cbz	x16, 3f
	br	x16
3:	mov	x0, #0
	ret
	.cfi_endproc
	.size	dlopen, . - dlopen

	.globl	dlclose
	.type	dlclose, @function
	.p2align 4
dlclose:
	.cfi_startproc
	hint	#34
	COUNT	unwind_code_generation
	LOAD	x16, real_dlclose
	cbz	x16, 2f
	br	x16
2:	stp	x29, x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset 29, -32
	.cfi_offset 30, -24
	str	x0, [sp, #16]
	bl	real_loader_resolve
	ldr	x0, [sp, #16]
	ldp	x29, x30, [sp], #32
	.cfi_def_cfa_offset 0
	.cfi_restore 29
	.cfi_restore 30
	LOAD	x16, real_dlclose
	cbz	x16, 3f
	br	x16
3:	mov	w0, #-1
	ret
	.cfi_endproc
	.size	dlclose, . - dlclose
#else
#error "write the trampolines of this architecture"
#endif
	.section .note.GNU-stack, "", @progbits
