package sqlite

import "golang.org/x/sys/windows"

// space is how many bytes the disk under a folder has, and how many of them are
// free for us.
func space(dir string) (total, free int64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var available, all, unused uint64
	if err := windows.GetDiskFreeSpaceEx(path, &available, &all, &unused); err != nil {
		return 0, 0, err
	}
	return int64(all), int64(available), nil
}

// syncDir has nothing to do where the system keeps folders durable itself.
func syncDir(string) error { return nil }
