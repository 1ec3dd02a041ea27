package daemon

import (
	"sync"
	"time"

	"github.com/nightfill/nightfill/site/ready"
)

// judgedFor is how long a judgement stands while nothing is learned.
const judgedFor = 250 * time.Millisecond

// judgements are the newest ones, by language. A store has many tablets, and the box itself looks at
// its verdict whenever it learns something.
type judgements struct {
	mu  sync.Mutex // held while somebody judges: who asks meanwhile takes what comes out
	all map[string]judgement
}

type judgement struct {
	question
	report ready.Report
}

// question is what is to be judged: what the box had learned at a moment.
type question struct {
	language    string
	at          time.Time
	seq, rounds uint64 // of the journal, and of the checks
}

// share answers a question by a judgement that is as good as a new one: it began after the question was
// asked, or a moment before with nothing learned since.
func (j *judgements) share(q question, judge func() ready.Report) ready.Report {
	j.mu.Lock()
	defer j.mu.Unlock()
	last, known := j.all[q.language]
	age := q.at.Sub(last.at)
	if known && age < judgedFor && (age < 0 || last.seq >= q.seq && last.rounds >= q.rounds) {
		return last.report
	}
	if j.all == nil {
		j.all = map[string]judgement{}
	}
	report := judge()
	j.all[q.language] = judgement{q, report}
	return report
}
