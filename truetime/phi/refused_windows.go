package phi

import "syscall"

// refused is the error of a connection that the peer's machine refuses: WSAECONNREFUSED, which is
// not the ECONNREFUSED that the standard library made up for Windows.
const refused = syscall.Errno(10061)
