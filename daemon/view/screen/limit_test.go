package screen

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func TestLimit(t *testing.T) {
	for want, c := range map[string]site.Check{
		"":                                      {Kind: site.CheckService, Name: "pos-app"},
		"at least 500MiB free":                  {Kind: site.CheckDisk, MinFree: "500MiB"},
		"off by at most 1m0s":                   {Kind: site.CheckClock, MaxSkew: site.Duration(time.Minute)},
		"at least 4.2, at most 5":               {Kind: site.CheckVersion, AtLeast: "4.2", AtMost: "5"},
		"at most 26h0m0s old":                   {Kind: site.CheckFileAge, Max: site.Duration(26 * time.Hour)},
		"heard within 15m0s":                    {Kind: site.CheckAgent, Max: site.Duration(15 * time.Minute)},
		"at least 30 % charged":                 {Kind: site.CheckBattery, MinCharge: 30},
		"answers with ok":                       {Kind: site.CheckHTTP, Expect: "ok"},
		"at most 5":                             {Kind: site.CheckVersion, AtMost: "5"},
		"warns from 30 days left, fails from 0": {Kind: site.CheckCert, Warn: 30},
	} {
		if got := limit(c); got != want {
			t.Errorf("%s: %q, want %q", c.Kind, got, want)
		}
	}
}
