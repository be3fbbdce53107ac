package doctor

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

var raceChecks = []check{
	{"of many who create one name at once, one succeeds", "two people create a file at once, both are told that it worked, and one text is gone", createRace},
	{"of many who save over one state at once, one succeeds", "two people save at once, both are told that it worked, and one edit is gone", matchRace},
	{"a counter that many increment with If-Match loses no increment", "under load, edits vanish that were acknowledged", counter},
	{"of texts that many store at once, one stays, whole", "two uploads at once leave a mixture that nobody wrote", mixture},
}

const (
	racers = 8
	rounds = 10
)

// race lets all racers go at once and returns their answers.
func race(run func(racer int) answer) [racers]answer {
	var answers [racers]answer
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			answers[i] = run(i)
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// oneWinner judges a race in which each racer stores its own text.
func (x *exam) oneWinner(name string, condition func(name string) (field, value string)) Finding {
	for round := range rounds {
		n := name
		if n == "" {
			n = x.fresh()
		}
		field, value := condition(n)
		if value == "" {
			return noTags
		}
		answers := race(func(i int) answer {
			return x.send(http.MethodPut, n, []byte(fmt.Sprintf("round %d, text of %d", round, i)), field, value)
		})
		winners := []int{}
		for i, a := range answers {
			if a.ok() {
				winners = append(winners, i)
			}
		}
		now := x.text(n)
		switch {
		case len(winners) > 1:
			return wrong("round %d: %d of %d were told that they succeeded", round+1, len(winners), racers)
		case len(winners) == 0:
			return noteworthy("round %d: all %d were refused (%v)", round+1, racers, answers[0])
		case now != fmt.Sprintf("round %d, text of %d", round, winners[0]):
			return wrong("round %d: there is %s now, which the one who succeeded has not sent", round+1, short(now))
		}
	}
	return right()
}

func createRace(x *exam) Finding {
	return x.oneWinner("", func(string) (string, string) { return "If-None-Match", "*" })
}

func matchRace(x *exam) Finding {
	n := x.fresh()
	x.put(n, "first")
	return x.oneWinner(n, func(n string) (string, string) { return "If-Match", x.tag(n) })
}

// valueOf is the value in a text of counter.
func valueOf(text string) int {
	digits, _, _ := strings.Cut(text, " ")
	value, _ := strconv.Atoi(digits)
	return value
}

// counter has each racer add its number: where the bytes are the state, a save of what is stored already is no edit lost.
func counter(x *exam) Finding {
	const steps, maxTries = 5, 200
	n := x.fresh()
	x.put(n, "0 of nobody")
	if x.tag(n) == "" {
		return noTags
	}
	var mu sync.Mutex
	accepted := 0
	race(func(racer int) answer {
		done := 0
		for tries := 0; done < steps && tries < maxTries && x.ctx.Err() == nil; tries++ {
			now := x.send(http.MethodGet, n, nil)
			tag := now.header.Get("ETag")
			if !strong(tag) {
				x.tag(n)
				continue
			}
			next := fmt.Sprintf("%d of %d", valueOf(string(now.body))+1, racer)
			if x.send(http.MethodPut, n, []byte(next), "If-Match", tag).ok() {
				done++
			}
		}
		mu.Lock()
		defer mu.Unlock()
		accepted += done
		return answer{}
	})
	if accepted == 0 {
		return wrong("no increment was accepted in %d tries", racers*maxTries)
	}
	if now := x.text(n); valueOf(now) != accepted {
		return wrong("%d increments were accepted, and the counter is at %s", accepted, short(now))
	}
	if accepted < racers*steps {
		return noteworthy("only %d of %d increments were accepted in %d tries each", accepted, racers*steps, maxTries)
	}
	return right()
}

func mixture(x *exam) Finding {
	n := x.fresh()
	x.put(n, "first")
	texts := [racers]string{}
	for i := range texts {
		texts[i] = strings.Repeat(strconv.Itoa(i), 300_000+i*1000)
	}
	for range 3 {
		answers := race(func(i int) answer { return x.send(http.MethodPut, n, []byte(texts[i])) })
		now, known := x.text(n), false
		if now == "first" && !slices.ContainsFunc(answers[:], answer.ok) {
			return absent("texts of %d bytes are not accepted: %v", len(texts[0]), answers[0])
		}
		for i := range texts {
			known = known || now == texts[i]
		}
		if !known {
			return wrong("there is %s now, which is no one's text", short(now))
		}
		for _, a := range answers {
			if a.status >= 400 {
				return noteworthy("a plain PUT was answered %v while others stored", a)
			}
		}
	}
	return right()
}
