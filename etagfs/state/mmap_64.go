//go:build !windows && (amd64 || arm64 || ppc64le || riscv64 || s390x)

package state

const initialMmapBytes = 256 << 20
