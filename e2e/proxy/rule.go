package proxy

import "slices"

// Rule is what is done with some requests.
type Rule struct {
	Match Match
	Skip  int // so many of the first that match are left alone
	Times int // of the others so many are taken; 0: all
	Do    Do

	proxy *Proxy
	seen  int
	taken int
}

// Add makes a rule hold from the next request on. Of several rules for one request, the one that was added
// last stands nearest to the operator: it sees the request first, and the answer last.
func (p *Proxy) Add(rule Rule) *Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	rule.proxy = p
	p.rules = append(p.rules, &rule)
	return &rule
}

// On adds a rule for all that match.
func (p *Proxy) On(match Match, do Do) *Rule {
	return p.Add(Rule{Match: match, Do: do})
}

// Remove ends a rule. What it has taken already goes on as it began.
func (r *Rule) Remove() {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	r.proxy.rules = slices.DeleteFunc(r.proxy.rules, func(other *Rule) bool { return other == r })
}

// Taken is how many requests the rule has taken.
func (r *Rule) Taken() int {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	return r.taken
}

func (r *Rule) takes(request *Request) bool {
	if !r.Match(request) {
		return false
	}
	r.seen++
	if r.seen <= r.Skip || (r.Times > 0 && r.taken == r.Times) {
		return false
	}
	r.taken++
	return true
}
