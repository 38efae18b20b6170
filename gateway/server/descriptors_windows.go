package server

// descriptors is how many files and sockets the process may have open; here only
// memory bounds them.
func descriptors() int { return manyDescriptors / 16 }
