package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/versions"
)

// removedDevice answers the removal of a device.
type removedDevice struct {
	Deleted  bool   `json:"deleted"`
	DeviceID string `json:"device_id"`
}

// findKey resolves the path of a device to its key. The device need not be
// there.
func (s *service) findKey(ctx context.Context, in InDevice) (device.Key, error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return device.Key{}, err
	}
	id, err := device.ParseID(in.Device)
	if err != nil {
		return device.Key{}, problem(http.StatusBadRequest, "invalid_device", err.Error())
	}
	return device.Key{Project: p.ID, ID: id}, nil
}

func (s *service) showDevice(d device.Device) Device {
	shown := Device{
		ID: strconv.FormatInt(d.Row, 10), DeviceID: d.Key.ID, Script: d.Script,
		Connected: s.Presence.Connected(d.Key), Metadata: d.Metadata, CreatedAt: d.CreatedAt,
	}
	if d.LastSeen != 0 {
		shown.LastSeen = &d.LastSeen
	}
	return shown
}

func (s *service) listDevices(ctx context.Context, in *struct {
	InProject
	Paged
},
) (*result[Page[Device]], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	rows, err := s.Devices.Devices(ctx, p.ID, in.offset(), in.limit())
	if err != nil {
		return nil, err
	}
	return page(in.Paged, rows, s.showDevice), nil
}

func (s *service) createDevice(ctx context.Context, in *struct {
	InProject
	Body NewDevice
},
) (*result[MadeDevice], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	id, err := device.ParseID(in.Body.DeviceID)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "invalid_device", err.Error())
	}
	script, err := versions.ParseScript(in.Body.Script)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "invalid_script", err.Error())
	}
	warning, err := s.warnOf(ctx, p.ID, script)
	if err != nil {
		return nil, err
	}
	token, hash := auth.New(auth.DeviceToken)
	made, err := s.Devices.CreateDevice(ctx, device.Key{Project: p.ID, ID: id}, script, hash)
	if err != nil {
		return nil, exists(err, "device "+id)
	}
	return &result[MadeDevice]{MadeDevice{
		Device: s.showDevice(made), Token: token, URL: callerOf(ctx).deviceURL, Warning: warning,
	}}, nil
}

// warnOf is a warning about a script that the project does not have.
func (s *service) warnOf(ctx context.Context, project, script string) (string, error) {
	_, err := s.History.Versions(ctx, project, script, 0, 1)
	if errors.Is(err, versions.ErrNotFound) {
		return "the project has no script " + script + " yet: the device is told to send its messages again until it has", nil
	}
	return "", err
}

func (s *service) getDevice(ctx context.Context, in *InDevice) (*result[Device], error) {
	key, err := s.findKey(ctx, *in)
	if err != nil {
		return nil, err
	}
	d, err := s.Devices.Device(ctx, key)
	if err != nil {
		return nil, err
	}
	return &result[Device]{s.showDevice(d)}, nil
}

func (s *service) removeDevice(ctx context.Context, in *InDevice) (*result[removedDevice], error) {
	key, err := s.findKey(ctx, *in)
	if err != nil {
		return nil, err
	}
	if err := s.Control.Remove(ctx, key); err != nil {
		return nil, err
	}
	s.Sessions.Removed(key)
	return &result[removedDevice]{removedDevice{Deleted: true, DeviceID: key.ID}}, nil
}

// exists names what is there already.
func exists(err error, what string) error {
	if errors.Is(err, auth.ErrExists) {
		return problem(http.StatusConflict, "exists", what+" already exists")
	}
	return err
}
