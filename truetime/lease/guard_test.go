package lease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// TestGuard_IsRenewedAtHalf, and so held for as long as it lives, while nobody else gets it.
func TestGuard_IsRenewedAtHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var swaps int
		store := &flaky{}
		store.failing(func(string, Record, Record) (bool, error) { swaps++; return true, nil })
		g := acquired(t, leaning(t, ε, ε), store, "1")
		other := leaning(t, -ε, ε)
		for range 60 {
			time.Sleep(time.Second)
			require.NoError(t, g.Valid())
			_, err := TryAcquire(t.Context(), other, store, "orders", Options{Holder: "2", TTL: ttl})
			var held *HeldError
			require.ErrorAs(t, err, &held)
			require.Equal(t, "1", held.Holder)
			require.Equal(t, g.Token(), held.Token)
		}
		require.Equal(t, 1+12, swaps, "each 5 s, but for what the clock does not know")
	})
}

// TestGuard_AStoreThatIsDown: valid for exactly as long as the holder's clock is sure, and the next one gets it when his is.
func TestGuard_AStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		g := acquired(t, leaning(t, 0, ε), store, "1")
		store.failing(down)
		time.Sleep(ttl - 2*ε - 1)
		require.NoError(t, g.Valid())
		time.Sleep(time.Nanosecond)
		var expired *ExpiredError
		require.ErrorAs(t, g.Valid(), &expired)
		require.ErrorIs(t, expired, errLost, "and why")
		require.Zero(t, expired.Late)
		require.ErrorAs(t, g.Do(t.Context(), nil), &expired)

		other := leaning(t, 0, ε)
		_, err := TryAcquire(t.Context(), other, &store.Memory, "orders", Options{Holder: "2", TTL: ttl})
		var held *HeldError
		require.ErrorAs(t, err, &held)
		require.Equal(t, 2*ε+1, held.Wait, "until earliest has passed it")
	})
}

// TestGuard_ComesBack, if nobody else was granted it in between; else it is lost for good.
func TestGuard_ComesBack(t *testing.T) {
	for _, taken := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := &flaky{}
			g := acquired(t, leaning(t, 0, ε), store, "1")
			store.failing(down)
			time.Sleep(2 * ttl)
			require.ErrorAs(t, g.Valid(), new(*ExpiredError))
			if taken {
				other, err := TryAcquire(t.Context(), leaning(t, 0, ε), &store.Memory, "orders", Options{Holder: "2", TTL: ttl})
				require.NoError(t, err)
				require.Greater(t, other.Token(), g.Token())
				defer other.Release(t.Context())
			}
			store.failing(nil)
			time.Sleep(ttl / 8)
			if !taken {
				require.NoError(t, g.Valid())
				return
			}
			<-g.Done()
			var lost *LostError
			require.ErrorAs(t, g.Valid(), &lost)
			require.Equal(t, g.Token(), lost.Token)
			require.ErrorAs(t, g.Do(t.Context(), nil), &lost)
			require.ErrorAs(t, g.Release(t.Context()), &lost)
		})
	}
}

// TestRenewal_OfUnknownOutcome: the holder relies on the old expiry, and whoever wants the lease finds the new one. When the store
// answers again, the holder has it.
func TestRenewal_OfUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		g := acquired(t, leaning(t, 0, ε), store, "1")
		before, _ := store.Read(t.Context(), "orders")
		store.failing(unanswered)
		time.Sleep(ttl - 2*ε)
		after, _ := store.Read(t.Context(), "orders")
		require.Greater(t, after.Expiry, before.Expiry, "it took place")
		require.ErrorAs(t, g.Valid(), new(*ExpiredError), "the old one")
		time.Sleep(3 * ε)
		_, err := TryAcquire(t.Context(), leaning(t, 0, ε), store, "orders", Options{Holder: "2", TTL: ttl})
		require.ErrorAs(t, err, new(*HeldError), "the new one")
		store.failing(nil)
		time.Sleep(ttl / 8)
		require.NoError(t, g.Valid())
	})
}

// TestRelease_AfterARenewalOfUnknownOutcome: whichever of the two records is there is given back.
func TestRelease_AfterARenewalOfUnknownOutcome(t *testing.T) {
	for _, fault := range []func(string, Record, Record) (bool, error){down, unanswered} {
		synctest.Test(t, func(t *testing.T) {
			store := &flaky{}
			g := acquired(t, leaning(t, 0, ε), store, "1")
			store.failing(fault)
			time.Sleep(ttl)
			store.failing(nil)
			require.NoError(t, g.Release(t.Context()))
			left, _ := store.Read(t.Context(), "orders")
			require.Equal(t, Record{Token: g.Token()}, left)
			require.ErrorIs(t, g.Valid(), ErrReleased)
			require.NoError(t, g.Release(t.Context()))
		})
	}
}

// TestRelease_OfAStoreThatHangs, and looks at no context, ends with its own.
func TestRelease_OfAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, hangs := &flaky{}, make(chan struct{})
		g := acquired(t, leaning(t, 0, ε), store, "1")
		store.failing(func(string, Record, Record) (bool, error) { <-hangs; return true, errLost })
		time.Sleep(ttl)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, g.Release(ctx), context.DeadlineExceeded)
		store.failing(nil)
		close(hangs)
		require.NoError(t, g.Release(t.Context()))
	})
}

// TestAcquire_OfUnknownOutcome: the same bid is made again, and whether the first one was made or not, there is one grant.
func TestAcquire_OfUnknownOutcome(t *testing.T) {
	for _, effect := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, swaps := &flaky{}, 0
			var bids []Record
			store.failing(func(_ string, _, next Record) (bool, error) {
				bids = append(bids, next)
				if swaps++; swaps < 3 {
					return effect, errLost
				}
				return true, nil
			})
			g := acquired(t, leaning(t, 0, ε), store, "1")
			require.NoError(t, g.Valid())
			require.Equal(t, []Record{bids[0], bids[0], bids[0]}, bids)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		store.failing(unanswered)
		_, err := TryAcquire(t.Context(), leaning(t, 0, ε), store, "orders", Options{Holder: "1", TTL: ttl})
		var unknown *OutcomeUnknownError
		require.ErrorAs(t, err, &unknown)
		require.ErrorIs(t, err, errLost)
		_, err = TryAcquire(t.Context(), leaning(t, 0, ε), store, "orders", Options{Holder: "1", TTL: ttl})
		require.ErrorAs(t, err, new(*HeldError), "nobody uses it, not even one of the same name: that may be another process")
	})
}

// TestAcquire_AConflictAtTheEnd of the context: somebody else has got it, and that is known.
func TestAcquire_AConflictAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		ctx, cancel := context.WithCancel(t.Context())
		store.failing(func(string, Record, Record) (bool, error) { cancel(); return false, ErrConflict })
		_, err := TryAcquire(ctx, leaning(t, 0, ε), store, "orders", Options{Holder: "1", TTL: ttl})
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, errors.As(err, new(*OutcomeUnknownError)), "%v", err)
	})
}

// TestAcquire_WaitsUntilItIsSurelyOver, and no longer than Poll after it was given back.
func TestAcquire_WaitsUntilItIsSurelyOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		first := acquired(t, leaning(t, 0, ε), store, "1")
		first.Drop(errors.New("the process stood still"))
		began := time.Now()
		second := acquired(t, leaning(t, 0, ε), store, "2")
		require.InDelta(t, float64(ttl), float64(time.Since(began)), float64(time.Microsecond), "a TTL from the first's earliest, until the second's is past it")
		require.Greater(t, second.Token(), first.Token())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Acquire(ctx, leaning(t, 0, ε), store, "orders", Options{Holder: "3", TTL: ttl})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var held *HeldError
		require.ErrorAs(t, err, &held)
		require.Equal(t, "2", held.Holder)

		time.AfterFunc(time.Second, func() { _ = second.Release(context.Background()) })
		began = time.Now()
		acquired(t, leaning(t, 0, ε), store, "3")
		require.LessOrEqual(t, time.Since(began), time.Second+ttl/8)
	})
}

// TestGuard_AClockThatFails: not valid, nothing granted, nothing renewed; and the reason.
func TestGuard_AClockThatFails(t *testing.T) {
	local := truetimetest.NewManual(0)
	clock := truetime.New(local, truetime.Options{})
	store := &Memory{}
	_, err := TryAcquire(t.Context(), clock, store, "orders", Options{Holder: "1"})
	require.ErrorAs(t, err, new(*ClockError))
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)

	publish := func() {
		r, err := local.Read()
		require.NoError(t, err)
		require.NoError(t, clock.Update(truetimetest.Around(r, 1_800_000_000_000_000_000+r.Nanos, time.Millisecond, 0), nil))
	}
	publish()
	g, err := TryAcquire(t.Context(), clock, store, "orders", Options{Holder: "1"})
	require.NoError(t, err)
	defer g.Release(context.Background())
	require.NoError(t, g.Valid())
	local.Suspend("the machine slept for 1h")
	err = g.Valid()
	require.ErrorAs(t, err, new(*ClockError))
	require.ErrorAs(t, err, new(*truetime.DisruptedError))
	require.ErrorAs(t, g.Do(t.Context(), nil), new(*ClockError))
	require.ErrorAs(t, g.renew(t.Context()), new(*ClockError))
	_, err = TryAcquire(t.Context(), clock, store, "others", Options{Holder: "1"})
	require.ErrorAs(t, err, new(*ClockError))
	publish()
	require.NoError(t, g.Valid(), "it is back, and still early")
	local.Fail(errors.New("no counter"))
	require.ErrorAs(t, g.Valid(), new(*ClockError))
	local.Fail(nil)
	local.Advance(10 * time.Second)
	require.ErrorAs(t, g.Valid(), new(*ExpiredError))
	local.Advance(2 * time.Hour)
	require.ErrorIs(t, g.Valid(), truetime.ErrStale)
}

// TestGuard_AClockThatKnowsTooLittle for the TTL says both numbers.
func TestGuard_AClockThatKnowsTooLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := TryAcquire(t.Context(), leaning(t, 0, 3*time.Second), &Memory{}, "orders", Options{Holder: "1", TTL: ttl})
		var wide *UncertaintyError
		require.ErrorAs(t, err, &wide)
		require.Equal(t, UncertaintyError{Width: 6 * time.Second, TTL: ttl}, *wide)
		acquired(t, leaning(t, 0, 2500*time.Millisecond), &Memory{}, "1")
	})
}

func TestAcquire_RefusesWhatCannotBe(t *testing.T) {
	clock := truetime.New(nil, truetime.Options{})
	for name, o := range map[string]Options{"": {Holder: "1"}, "no holder": {}, "ttl": {Holder: "1", TTL: time.Microsecond}, "poll": {Holder: "1", Poll: -1}} {
		_, err := Acquire(t.Context(), clock, &Memory{}, name, o)
		require.Error(t, err, name)
	}
	_, err := TryAcquire(t.Context(), nil, &Memory{}, "orders", Options{Holder: "1"})
	require.Error(t, err)
}

// TestMemory_SwapsOnce, and says yes again to who asks again.
func TestMemory_SwapsOnce(t *testing.T) {
	m, a, b := &Memory{}, Record{Holder: "1", Token: 33}, Record{Holder: "2", Token: 34}
	require.NoError(t, m.CompareAndSwap(t.Context(), "x", Record{}, a))
	require.NoError(t, m.CompareAndSwap(t.Context(), "x", Record{}, a))
	require.ErrorIs(t, m.CompareAndSwap(t.Context(), "x", Record{}, b), ErrConflict)
	require.NoError(t, m.CompareAndSwap(t.Context(), "x", a, b))
	require.ErrorIs(t, m.CompareAndSwap(t.Context(), "x", Record{}, a), ErrConflict)
}
