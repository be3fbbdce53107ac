// Command ifmatch serves a directory over HTTP and WebDAV and never loses an edit.
package main

func main() {}
