package auth

import (
	"runtime"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Right is what somebody may do; a larger one includes the smaller ones.
type Right int

const (
	None   Right = iota
	Read         // read
	Append       // and create, and never change or delete what is there
	Write        // everything
)

// Rights are the words of a rule.
var Rights = map[string]Right{"none": None, "read": Read, "append": Append, "write": Write}

// Words for whom a rule is about, besides names of users and "@group".
const (
	Everybody = "*"         // whoever has logged in
	Anonymous = "anonymous" // whoever has not, and whoever has
)

// Rule says what some may do at Path and below it.
type Rule struct {
	Path string // cleaned, as names are: "/", "/photos"
	Who  []string
	May  Right
}

// Rules of one tree. The rules with the longest path that holds a name decide about it: whoever they do
// not name may do nothing there, and of several that name somebody the one that allows most counts.
// Paths are compared as names are spelled in URLs, in one Unicode form. Safe for concurrent use.
type Rules struct {
	paths []pathRules // longest first
}

type pathRules struct {
	path string // folded
	who  map[string]Right
}

// NewRules makes Rules, with groups (by name, without the at sign) spelled out.
func NewRules(rules []Rule, groups map[string][]string) *Rules {
	r := &Rules{}
	for _, rule := range rules {
		path := fold(rule.Path)
		i := slices.IndexFunc(r.paths, func(p pathRules) bool { return p.path == path })
		if i < 0 {
			i = len(r.paths)
			r.paths = append(r.paths, pathRules{path, map[string]Right{}})
		}
		for _, who := range rule.Who {
			members := []string{who}
			if group, ok := strings.CutPrefix(who, "@"); ok {
				members = groups[group]
			}
			for _, m := range members {
				r.paths[i].who[m] = max(r.paths[i].who[m], rule.May)
			}
		}
	}
	slices.SortStableFunc(r.paths, func(a, b pathRules) int { return len(b.path) - len(a.path) })
	return r
}

// May is what user ("" for one who has not logged in) may do at name.
func (r *Rules) May(user, name string) Right {
	if !r.Uniform() {
		name = fold(name)
	}
	for i := range r.paths {
		if holds(r.paths[i].path, name) {
			return r.paths[i].of(user)
		}
	}
	return None
}

// Uniform tells whether all names are alike to everybody.
func (r *Rules) Uniform() bool { return len(r.paths) == 1 && r.paths[0].path == "/" }

// Paths are those that the rules name, in one Unicode form.
func (r *Rules) Paths() (all []string) {
	for i := range r.paths {
		all = append(all, r.paths[i].path)
	}
	return all
}

// Throughout is what user may do at name and at everything below it.
func (r *Rules) Throughout(user, name string) Right {
	may := r.May(user, name)
	name = fold(name)
	for i := range r.paths {
		if holds(name, r.paths[i].path) {
			may = min(may, r.paths[i].of(user))
		}
	}
	return may
}

// Somewhere is the most that user may do anywhere.
func (r *Rules) Somewhere(user string) (may Right) {
	for i := range r.paths {
		may = max(may, r.paths[i].of(user))
	}
	return may
}

func (p *pathRules) of(user string) Right {
	may := p.who[Anonymous]
	if user != "" {
		may = max(may, p.who[Everybody], p.who[user])
	}
	return may
}

// holds tells whether name is path or below it.
func holds(path, name string) bool {
	return path == "/" || strings.HasPrefix(name, path) && (len(name) == len(path) || name[len(path)] == '/')
}

// fold makes spellings equal that mean the same file: NFC and NFD, and upper and lower case where file
// systems do not tell them apart.
func fold(name string) string {
	name = norm.NFC.String(name)
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		name = strings.ToLower(name)
	}
	return name
}
