#include "textflag.h"

// func counter() int64
//
// ISB keeps the read of the virtual count from being moved ahead.
TEXT ·counter(SB), NOSPLIT, $0-8
	ISB  $15
	MRS  CNTVCT_EL0, R0
	MOVD R0, ret+0(FP)
	RET
