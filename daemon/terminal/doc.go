// Package terminal keeps the terminals in which people work on devices. The box owns each one: it
// survives a lost connection of the person for a while, shows again what was missed, keeps the night
// off its device, and records what is shown. What is typed is never recorded. A shell that cannot be
// recorded ends. The package knows nothing of sockets and pages, and logs in nowhere by itself.
//
// One goroutine, keep, decides everything about a session: it alone writes the recording and the
// output that readers follow. Two more move bytes from and to the shell. Readers are never waited
// for without a limit: who falls behind further than the output that is kept misses a part, and is
// told which.
package terminal
