package control

import "github.com/nightfill/nightfill/daemon/control/socket"

// routes is everything that the socket of a box can do, but for those who log in.
func (s *Server) routes() []socket.Route {
	return []socket.Route{
		{Method: "GET", Path: "/v1/status", Limit: socket.Quick, Answer: s.status},
		{Method: "GET", Path: "/v1/devices", Limit: socket.Quick, Answer: s.devices},
		{Method: "GET", Path: "/v1/devices/{id}", Limit: socket.Quick, Answer: s.device},
		{Method: "GET", Path: "/v1/devices/{id}/host-key", Limit: socket.Looking, Answer: s.hostKey},
		{Method: "GET", Path: "/v1/devices/{id}/diagnosis", Limit: socket.Looking, Answer: s.diagnosis},
		{Method: "GET", Path: "/v1/plan", Limit: socket.Looking, Answer: s.plan},
		{Method: "GET", Path: "/v1/why", Limit: socket.Looking, Answer: s.why},
		{Method: "GET", Path: "/v1/night", Limit: socket.Quick, Answer: s.night},
		{Method: "GET", Path: "/v1/replay", Limit: socket.Looking, Answer: s.replay},
		{Method: "POST", Path: "/v1/rehearse", Limit: socket.Looking, Answer: s.rehearse},
		{Method: "GET", Path: "/v1/journal/verify", Limit: socket.Looking, Answer: s.verify},
		{Method: "POST", Path: "/v1/check", Limit: socket.Looking, Answer: s.check},
		{Method: "POST", Path: "/v1/hold", Limit: socket.Quick, Answer: s.hold},
		{Method: "POST", Path: "/v1/release", Limit: socket.Quick, Answer: s.release},
		{Method: "POST", Path: "/v1/ack", Limit: socket.Quick, Answer: s.ack},
		{Method: "POST", Path: "/v1/clock/confirm", Limit: socket.Quick, Answer: s.confirmClock},
		{Method: "POST", Path: "/v1/retry", Limit: socket.Quick, Answer: s.retry},
		{Method: "POST", Path: "/v1/rollback", Limit: socket.Quick, Answer: s.rollback},
		{Method: "POST", Path: "/v1/restart", Limit: socket.Looking, Answer: s.restart},
		{Method: "POST", Path: "/v1/takeover", Limit: socket.Looking, Answer: s.takeOver},
		{Method: "GET", Path: "/v1/cache", Limit: socket.Quick, Answer: s.cache},
		{Method: "POST", Path: "/v1/catalog/refresh", Limit: socket.Moving, Answer: s.refresh},
		{Method: "POST", Path: "/v1/catalog/import", Limit: socket.Moving, Answer: s.importFrom},
		{Method: "POST", Path: "/v1/enrol", Limit: socket.Quick, Answer: s.enrol},
		{Method: "GET", Path: "/v1/terminals", Limit: socket.Quick, Answer: s.terminals},
		{Method: "POST", Path: "/v1/terminals/end", Limit: socket.Looking, Answer: s.endTerminal},
		{Method: "GET", Path: "/v1/recordings", Limit: socket.Looking, Answer: s.recordings},
		{Method: "GET", Path: "/v1/recordings/{id}", Limit: socket.Looking, Answer: s.recording},
	}
}

// streams is what is no single answer: the journal, which may be followed, a terminal, the file of a recording, a
// support bundle, and an evidence pack.
func (s *Server) streams() []socket.Stream {
	return []socket.Stream{
		{Method: "GET", Path: "/v1/journal", Serve: s.journal},
		{Method: "POST", Path: "/v1/shell", Serve: s.shell},
		{Method: "GET", Path: "/v1/recordings/{id}/cast", Serve: s.cast},
		{Method: "POST", Path: "/v1/bundle", Serve: s.bundle},
		{Method: "POST", Path: "/v1/evidence", Serve: s.evidence},
	}
}
