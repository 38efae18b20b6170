package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/tendril-run/tendril/gateway/server"
)

// A server is configured by flags, by variables (TENDRIL_LISTEN,
// TENDRIL_LIMITS_FRAME) and by a TOML file, in the order of their weight. A key of
// the file is the name of a flag with _ for -, or a limit in the table limits.
const (
	variablePrefix = "TENDRIL_"
	limitsTable    = "limits"
	configVariable = variablePrefix + "CONFIG"
)

// notKeys are flags that a file and the environment have no say in.
var notKeys = [...]string{"config", "limit", "json", "help", "url", "token-file", "project"}

// configFlags adds what a command takes that runs or judges a server.
func configFlags(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "TOML file with flags and limits ("+configVariable+")")
	cmd.Flags().StringArray("limit", nil, "change a limit, NAME=VALUE; may be repeated, doctor lists them")
}

// configure sets the flags that were not given to what the environment and the
// file say, and returns the limits.
func configure(cmd *cobra.Command) (server.Limits, error) {
	limits := server.DefaultLimits()
	path, _ := cmd.Flags().GetString("config")
	if path == "" {
		path = os.Getenv(configVariable)
	}
	keys := configKeys(cmd)
	if path != "" {
		if err := applyFile(cmd, path, keys, &limits); err != nil {
			return limits, err
		}
	}
	if err := applyVariables(cmd, keys, &limits); err != nil {
		return limits, err
	}
	given, _ := cmd.Flags().GetStringArray("limit")
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return limits, usageError{message: fmt.Sprintf("--limit %s: it is written like frame=64KiB", text)}
		}
		if err := limits.Set(name, value); err != nil {
			return limits, usageError{message: "--limit " + text + ": " + err.Error(), hint: "tendril doctor lists the limits"}
		}
	}
	return limits, nil
}

// setting is a flag that the environment and the file may set.
type setting struct {
	flag  *pflag.Flag
	given bool // on the command line
}

// configKeys are the settings of a command by their keys.
func configKeys(cmd *cobra.Command) map[string]setting {
	keys := map[string]setting{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notKeys[:], f.Name) {
			keys[strings.ReplaceAll(f.Name, "-", "_")] = setting{f, f.Changed}
		}
	})
	return keys
}

func applyFile(cmd *cobra.Command, path string, keys map[string]setting, limits *server.Limits) error {
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
		return usageError{message: fmt.Sprintf("config %s: %v", path, err)}
	}
	for _, key := range k.Keys() {
		if err := apply(cmd, keys, limits, key, k.Get(key)); err != nil {
			return usageError{message: fmt.Sprintf("config %s: %v", path, err), hint: "tendril serve --help lists the keys, tendril doctor the limits"}
		}
	}
	return nil
}

// applyVariables takes the variables that are keys. Of others only one that
// would be a limit is an error: platforms put variables of their own beside ours.
func applyVariables(cmd *cobra.Command, keys map[string]setting, limits *server.Limits) error {
	names := map[string]string{}
	k := koanf.New(".")
	err := k.Load(env.Provider(".", env.Opt{Prefix: variablePrefix, TransformFunc: func(name, value string) (string, any) {
		if value == "" {
			return "", nil
		}
		key := strings.ToLower(strings.TrimPrefix(name, variablePrefix))
		if limit, ok := strings.CutPrefix(key, limitsTable+"_"); ok {
			key = limitsTable + "." + limit
		} else if _, known := keys[key]; !known {
			return "", nil
		}
		names[key] = name
		return key, value
	}}), nil)
	if err != nil {
		return err
	}
	for _, key := range k.Keys() {
		if err := apply(cmd, keys, limits, key, k.Get(key)); err != nil {
			return usageError{message: fmt.Sprintf("%s: %v", names[key], err)}
		}
	}
	return nil
}

// apply sets one key. A flag that was given on the command line stays.
func apply(cmd *cobra.Command, keys map[string]setting, limits *server.Limits, key string, value any) error {
	if name, ok := strings.CutPrefix(key, limitsTable+"."); ok {
		return limits.Set(name, fmt.Sprint(value))
	}
	s, known := keys[key]
	if !known {
		return fmt.Errorf("unknown key %q", key)
	}
	if s.given {
		return nil
	}
	list, isList := value.([]any)
	if into, takesList := s.flag.Value.(pflag.SliceValue); isList && takesList {
		texts := make([]string, len(list))
		for i := range list {
			texts[i] = fmt.Sprint(list[i])
		}
		s.flag.Changed = true
		return into.Replace(texts)
	}
	if err := cmd.Flags().Set(s.flag.Name, fmt.Sprint(value)); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}
