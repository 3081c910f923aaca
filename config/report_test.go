package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// laid lays out the base in a folder.
func laid(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{NodeFile, CentreFile, IncidentsFile} {
		put(t, dir, name, base(t, name))
	}
	return dir
}

func put(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAWholeFolderIsFine(t *testing.T) {
	dir := laid(t)
	report := CheckDir(dir, world())
	if !report.OK() || report.Node.ID != "syd-1" || report.Node.Data != filepath.Join(dir, "data") || report.Snapshot.Centre.PromptsDir != filepath.Join(dir, "prompts") {
		t.Errorf("report: %+v", report)
	}
}

func TestAllThreeFilesAreToldOfAtOnceInOrder(t *testing.T) {
	dir := laid(t)
	put(t, dir, NodeFile, []byte("limits: {calls: 0}\n"))
	put(t, dir, CentreFile, edited(t, base(t, CentreFile), "centre: kettle", "centre: 'the kettle'"))
	put(t, dir, IncidentsFile, []byte("incidents: {kettle-recall: {message: kettle-recall.wav}}\n"))
	report := CheckDir(dir, world())
	var files []string
	for _, m := range report.Mistakes {
		files = append(files, m.File)
	}
	if report.OK() || report.Node != nil || strings.Join(files, " ") != "spillway.yaml centre.yaml incidents.yaml" {
		t.Errorf("mistakes: %v", report.Mistakes)
	}
	if report.Error().File != NodeFile {
		t.Errorf("the first is %v", report.Error())
	}
}

func TestAMissingFileCannotBeRead(t *testing.T) {
	for _, name := range []string{NodeFile, CentreFile, IncidentsFile} {
		dir := laid(t)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		report := CheckDir(dir, world())
		if report.OK() || report.Unreadable == nil || !strings.Contains(report.Unreadable.Error(), name) || !errors.Is(report.Unreadable, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, report.Unreadable)
		}
	}
	if report := CheckDir(filepath.Join(t.TempDir(), "nowhere"), world()); report.Unreadable == nil {
		t.Error("a folder that is not there is readable")
	}
}

func TestAFolderOrAPipeInTheirPlaceDoesNotKeepUsWaiting(t *testing.T) {
	dir := laid(t)
	if err := os.Remove(filepath.Join(dir, CentreFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, CentreFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if report := CheckDir(dir, world()); report.Unreadable == nil {
		t.Error("a folder is readable as a file")
	}
}

func TestAFileLargerThanAMebibyteIsRefused(t *testing.T) {
	dir := laid(t)
	put(t, dir, CentreFile, append(base(t, CentreFile), []byte("#"+strings.Repeat("x", MaxFileBytes))...))
	report := CheckDir(dir, world())
	if report.Unreadable != nil || len(report.Mistakes) != 1 || !strings.Contains(report.Mistakes[0].Text, "larger than 1 MiB") {
		t.Errorf("%v %v", report.Unreadable, report.Mistakes)
	}
}

func TestTheLastGoodPairComesBackAsItWas(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if _, err := LoadLastGood(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a copy: %v", err)
	}
	for range 2 {
		if err := SaveLastGood(data, basePair(t)); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := LoadLastGood(data)
	if err != nil || version(*pair) != version(basePair(t)) {
		t.Errorf("%v", err)
	}
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left in the folder: %v %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy holds secrets and has the mode %v", info.Mode())
	}
}

func TestADamagedCopyIsNoCopy(t *testing.T) {
	data := t.TempDir()
	if err := SaveLastGood(data, basePair(t)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(data, lastGoodFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"cut": whole[:len(whole)/2], "empty": {}, "changed": edited(t, whole, "kettle", "cattle"),
	} {
		put(t, data, lastGoodFile, damaged)
		if pair, err := LoadLastGood(data); err == nil {
			t.Errorf("%s: %s", name, pair.Centre)
		}
	}
}

func TestAStartWithABrokenFileUsesTheLastGoodCopy(t *testing.T) {
	dir := laid(t)
	if err := SaveLastGood(filepath.Join(dir, "data"), basePair(t)); err != nil {
		t.Fatal(err)
	}
	put(t, dir, CentreFile, []byte("centre: kett"))
	report := Start(dir, world())
	if report.Node == nil || report.Snapshot == nil || report.Snapshot.Routing.Queue("orders") == nil || report.Error() == nil || report.Error().File != CentreFile {
		t.Errorf("report: %v", report.Mistakes)
	}
	put(t, filepath.Join(dir, "data"), lastGoodFile, []byte("{"))
	if report := Start(dir, world()); report.Snapshot != nil || !strings.Contains(fmt.Sprint(report.Mistakes), "damaged") {
		t.Errorf("with a damaged copy: %v", report.Mistakes)
	}
	if err := os.Remove(filepath.Join(dir, "data", lastGoodFile)); err != nil {
		t.Fatal(err)
	}
	if report := Start(dir, world()); report.Snapshot != nil {
		t.Error("without a copy there is something to start with")
	}
}

func TestAnIncidentThatEndedDoesNotStopAFirstStart(t *testing.T) {
	dir := laid(t)
	put(t, dir, IncidentsFile, []byte("incidents:\n  recall: {active: true, until: 2026-11-22 18:00, message: kettle-recall.wav}\n"))
	if report := Start(dir, world()); report.Snapshot == nil || !report.OK() {
		t.Errorf("report: %v", report.Mistakes)
	}
	if report := CheckDir(dir, world()); report.OK() {
		t.Error("check takes an end in the past for fine although nothing says that it was on before")
	}
	if err := SaveLastGood(filepath.Join(dir, "data"), Sources{base(t, CentreFile), []byte("incidents:\n  recall: {active: true, until: 2026-11-22 18:00, message: kettle-recall.wav}\n")}); err != nil {
		t.Fatal(err)
	}
	if report := CheckDir(dir, world()); !report.OK() || len(report.Mistakes) != 1 {
		t.Errorf("ended and untouched: %v", report.Mistakes)
	}
}

func TestNoMistakeAndNoPrintTellsASecret(t *testing.T) {
	const password = "hunter2hunter2"
	centre := edited(t, base(t, CentreFile), `"env:ALICE_SECRET"`, password)
	centre = edited(t, centre, "{hangup: normal}", "{hangup: normally}")
	_, list := judgePair(Sources{Centre: centre, Incidents: base(t, IncidentsFile)})
	if len(list) != 1 || strings.Contains(fmt.Sprint(list), password) {
		t.Errorf("mistakes: %v", list)
	}
	for name, wrong := range map[string]string{
		"a list": "[" + password + "]", "lines": `"` + password + `\nx"`, "a map": "{" + password + ": 1}", "a range": `"env:` + password + `-[1..2]"`,
	} {
		_, list := judgePair(Sources{Centre: edited(t, base(t, CentreFile), `"env:ALICE_SECRET"`, wrong), Incidents: base(t, IncidentsFile)})
		if len(list) == 0 || strings.Contains(fmt.Sprint(list), password) {
			t.Errorf("%s: %v", name, list)
		}
	}
	account := Account{Secret: NewSecret(password)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if said := fmt.Sprintf(verb, account); strings.Contains(said, password) || strings.Contains(said, fmt.Sprintf("%x", password)) {
			t.Errorf("%s prints %s", verb, said)
		}
	}
}
