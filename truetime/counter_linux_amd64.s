#include "textflag.h"

// func counter() int64
//
// RDTSCP waits until all instructions before it have been executed and their
// loads are visible, on every CPU that has it (LFENCE and RDTSC cost the same and
// on AMD need a bit in a register that we cannot read; the kernel prefers RDTSCP too). It leaves
// its halves in DX and AX and the CPU's number in CX.
TEXT ·counter(SB), NOSPLIT, $0-8
	RDTSCP
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET
