// Package oidctest is an OpenID provider for tests: an organisation's login on the loopback.
package oidctest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// Provider is an organisation's login that lets in whoever comes, and signs what it says of them. Its client is
// "nightfill" with the secret "hush".
type Provider struct {
	*testing.T
	*httptest.Server
	Key    *rsa.PrivateKey // of its signatures; the published one stays the first
	Claims map[string]any  // what it says besides the usual
	Silent bool            // it sends no id_token

	asked map[string]url.Values // by code
}

// New starts a provider, which ends with the test.
func New(t *testing.T) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{T: t, Key: key, asked: map[string]url.Values{}}
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		code := rand.Text()
		p.asked[code] = q
		http.Redirect(w, r, q.Get("redirect_uri")+"?code="+code+"&state="+q.Get("state"), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { p.token(w, r, say) })
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token gives the signed word for a code, once, to who began the login.
func (p *Provider) token(w http.ResponseWriter, r *http.Request, say func(http.ResponseWriter, any)) {
	q, ok := p.asked[r.PostFormValue("code")]
	delete(p.asked, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if id, secret, _ := r.BasicAuth(); !ok || id != "nightfill" || secret != "hush" || q.Get("code_challenge") != text(sum[:]) || q.Get("code_challenge_method") != "S256" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		say(w, map[string]string{"error": "invalid_grant", "error_description": "no such code"})
		return
	}
	answer := map[string]any{"access_token": "x", "token_type": "Bearer", "expires_in": 60}
	if !p.Silent {
		claims := map[string]any{"iss": p.URL, "aud": "nightfill", "sub": "u-17", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": q.Get("nonce")}
		maps.Copy(claims, p.Claims)
		answer["id_token"] = p.sign(claims)
	}
	say(w, answer)
}

func (p *Provider) sign(claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		p.Fatal(err)
	}
	signed := text([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + text(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.Key, crypto.SHA256, sum[:])
	if err != nil {
		p.Fatal(err)
	}
	return signed + "." + text(signature)
}
