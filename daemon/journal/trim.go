package journal

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// trimStep is how many records one transaction forgets: what it takes apart, it holds in memory.
const trimStep = 512

// Trim forgets the records up to and including through, and keeps checkpoint, the fold up to there, in their
// place. The hash of the last forgotten record stays, so that the chain goes on. It refuses to forget what a
// cursor has not reached. After a crash in the middle the new checkpoint stands and some of the records that
// it covers may still be there; the next Trim takes them along. The file does not get smaller: its pages are
// used again.
func (j *Journal) Trim(through uint64, checkpoint []byte) error {
	if len(checkpoint) > maxBody {
		return fmt.Errorf("cannot trim the journal: the checkpoint has %d bytes, the limit is %d", len(checkpoint), maxBody)
	}
	j.io.Lock()
	defer j.io.Unlock()
	if err := j.flush(true); err != nil {
		return err
	}
	if err := j.mayTrim(through); err != nil {
		return err
	}
	next, fold := j.stored, append(seqKey(through), checkpoint...)
	next.Fold = foldHash(fold)
	err := j.write(next, func(tx *bolt.Tx) error { return tx.Bucket(bucketCheckpoint).Put(keyFold, fold) })
	for err == nil && j.stored.Anchor.Seq < through {
		err = j.forget(min(through, j.stored.Anchor.Seq+trimStep))
	}
	return err
}

func (j *Journal) mayTrim(through uint64) error {
	done, _, err := j.checkpoint()
	if err != nil {
		return err
	}
	switch head := j.stored.Head.Seq; {
	case through > head:
		return fmt.Errorf("cannot trim the journal through record %d: the last one is %d", through, head)
	case through < done:
		return fmt.Errorf("cannot trim the journal through record %d: it has a checkpoint of record %d", through, done)
	}
	for name, seq := range j.stored.Cursors {
		if seq < through {
			return fmt.Errorf("cannot trim the journal through record %d: the cursor %s is at record %d", through, name, seq)
		}
	}
	return nil
}

// forget deletes the records up to and including through in one transaction. io is held.
func (j *Journal) forget(through uint64) error {
	next := j.stored
	err := j.view(func(tx *bolt.Tx) (err error) {
		next.Anchor, err = anchorAt(tx, through)
		return err
	})
	if err != nil {
		return err
	}
	from := j.stored.Anchor.Seq + 1
	err = j.write(next, func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketRecords)
		b.FillPercent = 1
		for seq := from; seq <= through; seq++ {
			if err := b.Delete(seqKey(seq)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.first = through + 1
	return nil
}

// anchorAt is the place of a stored record.
func anchorAt(tx *bolt.Tx, seq uint64) (place, error) {
	value := tx.Bucket(bucketRecords).Get(seqKey(seq))
	if len(value) < hashSize {
		return place{}, refuse(ErrBrokenChain, "record %d is missing", seq)
	}
	return place{seq, fmt.Sprintf("%x", value[:hashSize])}, nil
}

// Checkpoint returns what the last Trim left: the fold of every record up to and including seq. Before the
// first Trim it is 0 and nil.
func (j *Journal) Checkpoint() (seq uint64, data []byte, err error) {
	j.io.Lock()
	defer j.io.Unlock()
	return j.checkpoint()
}

func (j *Journal) checkpoint() (seq uint64, data []byte, err error) {
	err = j.view(func(tx *bolt.Tx) (err error) {
		seq, data, err = j.stored.readFold(tx.Bucket(bucketCheckpoint).Get(keyFold))
		return err
	})
	return seq, data, err
}
