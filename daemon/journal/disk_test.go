package journal

func fillTheDisk(dir string) int { return 0 }
