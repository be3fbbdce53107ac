package etagfs

type latches struct{}

type tagger interface{}
