package phi

import "golang.org/x/sys/windows"

// refused is the error of a connection that the peer's machine refuses.
const refused = windows.WSAECONNREFUSED
