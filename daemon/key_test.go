package daemon

import "testing"

func TestNoKeyWhereNothingIsLoggedInTo(t *testing.T) {
	l := newLab(t, 1)
	cfg := l.storeFile()
	cfg.Store.Devices, cfg.Catalog, cfg.SSH.Key = nil, nil, l.dir+"/none"
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	l.must(d.journal.Close())
}
