//go:build windows || !(amd64 || arm64 || ppc64le || riscv64 || s390x)

package state

// Windows would make the file as large as the map, and 32-bit systems have no address space to spare.
const initialMmapBytes = 0
