// The compiler takes functions without a body (statmembers_linux.go) where there is a file like this.
