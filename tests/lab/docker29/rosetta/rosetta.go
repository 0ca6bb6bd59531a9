// Package rosetta stands in for a module that the Go proxy does not have: docker asks it only
// whether it is emulated on a Mac.
package rosetta

// Enabled reports whether the process runs under Rosetta.
func Enabled() bool { return false }
