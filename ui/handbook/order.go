package handbook

// order is the order of the pages, of all readers.
func order() []string {
	return []string{
		"ready-page", "red-morning", "before-closing", "not-tonight",
		"red-till", "last-night", "tonight", "hold-device", "try-again", "work-by-terminal", "use-console", "replaced-device", "alarm", "usb-stick",
		"broken-journal", "renamed-store", "daemon-silent", "send-bundle",
		"fleet-morning", "bad-patch", "numbers",
		"new-patch", "publish-daily", "hold-patch", "hold-store", "withdraw-patch", "exception", "register", "keys", "audit",
		"install-hq", "try-hq",
		"install-box", "new-device", "accounts",
		"exit-codes", "words",
	}
}
