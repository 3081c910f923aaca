package config

import (
	"slices"
	"strings"
)

// suggest returns " (did you mean ...?)" when one of the allowed words is near to what was found, else "".
func suggest(found string, allowed []string) string {
	best, least := "", 1+len(found)/3 // one slip for each three letters begun
	for _, word := range slices.Sorted(slices.Values(allowed)) {
		if d := distance(strings.ToLower(found), strings.ToLower(word), least); d <= least && (best == "" || d < least) {
			best, least = word, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + quote(best) + "?)"
}

// distance is how many letters must be put in, taken out, changed or swapped with their neighbour to turn a into b
// (optimal string alignment); limit+1 when it is certain to be more than limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// oneOf lists words for a message: "a", "a or b", "a, b or c".
func oneOf(words []string) string {
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// maxListed is how many names a message lists.
const maxListed = 12

// listed lists names for a message in order, the first of them when they are many.
func listed(names []string) string {
	names = slices.Sorted(slices.Values(names))
	switch {
	case len(names) == 0:
		return "there is none"
	case len(names) > maxListed:
		return strings.Join(names[:maxListed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
