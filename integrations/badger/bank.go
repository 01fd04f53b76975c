package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/badger/badgerstore"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// bank is accounts in a store, between which money is moved, and a receipt for each time.
type bank struct {
	store             *badgerstore.Store
	accounts, clients int

	log     io.Writer // nil: none
	logging sync.Mutex
}

// say prints a line, if that was asked for.
func (b *bank) say(format string, args ...any) {
	if b.log == nil {
		return
	}
	b.logging.Lock()
	defer b.logging.Unlock()
	fmt.Fprintf(b.log, format+"\n", args...)
}

const perAccount = 1000

var (
	errNoAccount = errors.New("no such account")
	errTooPoor   = errors.New("not enough money there")
)

func account(i int) []byte { return binary.BigEndian.AppendUint32([]byte("account-"), uint32(i)) }

func receipt(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte("receipt-"), id) }

func balance(txn *badgerstore.Txn, i int) (int64, error) {
	value, err := txn.Get(account(i))
	if errors.Is(err, badgerstore.ErrNotFound) {
		return 0, fmt.Errorf("account %d: %w", i, errNoAccount)
	}
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

func setBalance(txn *badgerstore.Txn, i int, n int64) error {
	return txn.Set(account(i), binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// fill opens all accounts in one transaction, if there are none. A bank with another number of them is refused.
func (b *bank) fill(ctx context.Context) (hlc.Timestamp, error) {
	return b.store.Update(ctx, func(txn *badgerstore.Txn) error {
		open := 0
		if err := txn.Scan([]byte("account-"), func(_, _ []byte) error { open++; return nil }); err != nil {
			return err
		}
		if open > 0 && open != b.accounts {
			return fmt.Errorf("this bank has %d accounts instead of %d: use -accounts %[1]d, or another -dir", open, b.accounts)
		}
		if open > 0 {
			return nil
		}
		for i := range b.accounts {
			if err := setBalance(txn, i, perAccount); err != nil {
				return err
			}
		}
		return nil
	})
}

// transfer moves money between two accounts, if it is there.
func (b *bank) transfer(ctx context.Context, id uint64, from, to int, amount int64) (hlc.Timestamp, error) {
	return b.store.Update(ctx, func(txn *badgerstore.Txn) error {
		have, err := balance(txn, from)
		if err != nil {
			return err
		}
		if have < amount {
			return errTooPoor
		}
		other, err := balance(txn, to)
		if err != nil {
			return err
		}
		return errors.Join(setBalance(txn, from, have-amount), setBalance(txn, to, other+amount), txn.Set(receipt(id), nil))
	})
}

// randomTransfer moves a little money between two random accounts.
func (b *bank) randomTransfer(ctx context.Context) error {
	from := rand.IntN(b.accounts)
	to := (from + 1 + rand.IntN(b.accounts-1)) % b.accounts
	id := rand.Uint64()
	ts, err := b.transfer(ctx, id, from, to, 1+rand.Int64N(10))
	if err == nil {
		b.say("transfer %016x %d %d", id, ts.WallTime, ts.Logical)
	}
	return err
}

// audit is what the accounts were at a snapshot.
type audit struct {
	ts     hlc.Timestamp
	digest uint64
}

// total adds all accounts up at a snapshot. The sum must be what there was in the beginning.
func (b *bank) total(ctx context.Context, mode commitwait.Mode) (a audit, err error) {
	var sum int64
	a.ts, err = b.store.View(ctx, mode, func(txn *badgerstore.Txn) error {
		return txn.Scan([]byte("account-"), func(_, value []byte) error {
			n := binary.BigEndian.Uint64(value)
			sum += int64(n)
			a.digest = a.digest*31 + n
			return nil
		})
	})
	if err == nil && sum != perAccount*int64(b.accounts) {
		err = fmt.Errorf("the total at %v is %d instead of %d", a.ts, sum, perAccount*b.accounts)
	}
	return a, err
}

// again takes a total again, which must be the same. It returns a *badgerstore.TooOldError, and no other error, if that is not kept any more.
func (b *bank) again(ctx context.Context, a audit) error {
	now, err := b.total(ctx, commitwait.At(a.ts))
	if err != nil {
		return err
	}
	if now != a {
		return fmt.Errorf("the snapshot at %v gave another answer when it was read again", a.ts)
	}
	return nil
}
