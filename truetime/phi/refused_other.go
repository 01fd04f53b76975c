//go:build !windows

package phi

import "syscall"

// refused is the error of a connection that the peer's machine refuses.
const refused = syscall.ECONNREFUSED
