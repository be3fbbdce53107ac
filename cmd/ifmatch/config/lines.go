package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines finds the line of every key and table of a text that was parsed before.
func lines(text []byte) map[string]int {
	at := map[string]int{}
	count := map[string]int{} // of [[tables]], by path
	var prefix string
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		e := p.Expression()
		words, line := key(e, text)
		switch e.Kind {
		case unstable.Table:
			prefix = numbered(words, count)
			at[prefix] = line
		case unstable.ArrayTable:
			last := len(words) - 1
			array := join(numbered(words[:last], count), words[last])
			if _, again := at[array]; !again {
				at[array] = line
			}
			prefix = fmt.Sprintf("%s[%d]", array, count[array])
			count[array]++
			at[prefix] = line
		case unstable.KeyValue:
			at[join(prefix, strings.Join(words, "."))] = line
		}
	}
	return at
}

// key is the dotted key of an expression, and its line.
func key(e *unstable.Node, text []byte) (words []string, line int) {
	for it := e.Key(); it.Next(); {
		n := it.Node()
		if line == 0 {
			line = 1 + bytes.Count(text[:n.Raw.Offset], []byte("\n"))
		}
		words = append(words, string(n.Data))
	}
	return words, line
}

// numbered is the path of words, in which each array of tables stands for its latest member.
func numbered(words []string, count map[string]int) (path string) {
	for _, w := range words {
		path = join(path, w)
		if n := count[path]; n > 0 {
			path = fmt.Sprintf("%s[%d]", path, n-1)
		}
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
