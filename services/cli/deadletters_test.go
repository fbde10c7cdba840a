package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
)

// box is a letterbox in memory.
type box struct {
	url      string
	letters  []rabbitmq.Letter
	redriven []string
	failing  error
}

func (b *box) Visit(_ context.Context, limit int, decide func(rabbitmq.Letter) (rabbitmq.Fate, error)) (rabbitmq.Tally, error) {
	tally := rabbitmq.Tally{Waiting: len(b.letters)}
	if b.failing != nil {
		return tally, b.failing
	}
	var kept []rabbitmq.Letter
	for i, l := range b.letters {
		if i == limit {
			kept = append(kept, b.letters[i:]...)
			break
		}
		tally.Seen++
		fate, err := decide(l)
		switch {
		case err != nil:
			b.letters = slices.Concat(kept, b.letters[i:])
			return tally, err
		case fate == rabbitmq.Keep:
			kept = append(kept, l)
		case fate == rabbitmq.Redrive:
			b.redriven = append(b.redriven, l.ID)
			tally.Redriven++
		default:
			tally.Discarded++
		}
	}
	b.letters = kept
	return tally, nil
}

func (b *box) ids() []string {
	ids := []string{}
	for _, l := range b.letters {
		ids = append(ids, l.ID)
	}
	return ids
}

func letters(ids ...string) *box {
	b := &box{}
	for i, id := range ids {
		b.letters = append(b.letters, rabbitmq.Letter{
			ID: id, Reason: "version 9, known is 1", Body: []byte(`{"v":9,"order":{"order_id":"` + id + `","quantity":1}}`),
			ParkedAt: time.Date(2026, 11, 23, 12, 0, i, 0, time.UTC),
		})
	}
	return b
}

// do runs a subcommand of dead-letters on the box.
func (b *box) do(t *testing.T, args ...string) result {
	t.Helper()
	urlFile := file(t, "url", "amqp://eventflow:hunter2@rabbitmq:5672/\n")
	root := newDeadLetters(func(string) string { return urlFile }, func(url string) letterbox {
		b.url = url
		return b
	})
	root.SilenceErrors, root.SilenceUsage = true, true
	var out, errs bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errs)
	err := root.ExecuteContext(t.Context())
	r := result{out: out.String(), err: errs.String()}
	if err != nil {
		r.code, r.err = exitUnknown, r.err+err.Error()
	}
	if errors.Is(err, errNo) {
		r.code = exitNo
	}
	return r
}

func TestListLeavesTheLetters(t *testing.T) {
	t.Parallel()
	b := letters("o-1", "o-2", "o-3")
	b.letters[1].Body = []byte("\x1b[2J" + strings.Repeat("x", 1000))
	b.do(t, "list").want(t, exitOK, "o-1", "2026-11-23T12:00:00Z", "version 9", "1004", "·[2Jxxx", "3 of 3 letters")
	if b.url != "amqp://eventflow:hunter2@rabbitmq:5672/" {
		t.Errorf("opened %s", b.url)
	}
	b.do(t, "list", "--limit", "2").want(t, exitOK, "2 of 3 letters")
	r := b.do(t, "list", "-o", "json")
	var answer struct {
		Waiting int
		Letters []letterLine
	}
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil || answer.Waiting != 3 || len(answer.Letters) != 3 || answer.Letters[1].Size != 1004 {
		t.Errorf("answer %s, %v", r.out, err)
	}
	letters().do(t, "list").want(t, exitOK, "0 of 0 letters")
	if diff := cmp.Diff([]string{"o-1", "o-2", "o-3"}, b.ids()); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	b := letters("o-1", "o-2")
	b.letters[1].Body = []byte("\x00\x01")
	b.do(t, "show", "--id", "o-1").want(t, exitOK, "id: o-1", "reason: version 9", `{"v":9,"order":{"order_id":"o-1","quantity":1}}`)
	b.do(t, "show", "--id", "o-2").want(t, exitOK, "00000000  00 01")
	r := b.do(t, "show", "--id", "o-1", "-o", "json")
	var shown []rabbitmq.Letter
	if err := json.Unmarshal([]byte(r.out), &shown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.letters[:1], shown); diff != "" {
		t.Errorf("letter (-want +got):\n%s", diff)
	}
	b.do(t, "show", "--id", "o-9").want(t, exitNo, "there is no letter o-9")
	b.do(t, "show", "--id", "o-2", "--limit", "1").want(t, exitUnknown, "raise --limit")
}

func TestRedriveTakesWhatItIsTold(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args           []string
		code           int
		redriven, left []string
	}{
		"one":                 {[]string{"--id", "o-2"}, exitOK, []string{"o-2"}, []string{"o-1", "o-3", "o-1"}},
		"every copy of it":    {[]string{"--id", "o-1"}, exitOK, []string{"o-1", "o-1"}, []string{"o-2", "o-3"}},
		"two, one is unknown": {[]string{"--id", "o-3", "--id", "o-9"}, exitNo, []string{"o-3"}, []string{"o-1", "o-2", "o-1"}},
		"all":                 {[]string{"--all"}, exitOK, []string{"o-1", "o-2", "o-3", "o-1"}, []string{}},
		"some of all":         {[]string{"--all", "--limit", "1"}, exitOK, []string{"o-1"}, []string{"o-2", "o-3", "o-1"}},
		"none":                {[]string{"--all", "--dry-run"}, exitOK, nil, []string{"o-1", "o-2", "o-3", "o-1"}},
		"nor one":             {[]string{"--id", "o-2", "--dry-run"}, exitOK, nil, []string{"o-1", "o-2", "o-3", "o-1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := letters("o-1", "o-2", "o-3", "o-1")
			b.do(t, append([]string{"redrive"}, tc.args...)...).want(t, tc.code, "looked at")
			if diff := cmp.Diff(tc.redriven, b.redriven); diff != "" {
				t.Errorf("redriven (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.left, b.ids()); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
	letters("o-1").do(t, "redrive", "--all", "--dry-run").want(t, exitOK, "would redrive o-1")
}

func TestDiscardSavesFirst(t *testing.T) {
	t.Parallel()
	b := letters("o-1", "../../etc/passwd")
	gone := b.letters[1]
	folder := t.TempDir()
	b.do(t, "discard", "--id", gone.ID, "--yes", "--save", filepath.Join(folder, "none")).want(t, exitUnknown, "save letter")
	if len(b.letters) != 2 {
		t.Fatal("a letter was discarded that could not be saved")
	}
	b.do(t, "discard", "--id", gone.ID, "--yes", "--save", folder).want(t, exitOK, "saved in", "1 discarded")
	files, err := filepath.Glob(filepath.Join(folder, "letter-*.json"))
	if err != nil || len(files) != 1 || !strings.Contains(files[0], "letter-______etc_passwd-") {
		t.Fatalf("saved in %v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	var saved rabbitmq.Letter
	if err := errors.Join(err, json.Unmarshal(content, &saved)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(gone, saved); diff != "" {
		t.Errorf("saved letter (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"o-1"}, b.ids()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestTheBrokersURLIsNeverShown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"not a URL":      {"amqp://eventflow:hunter2 @rabbitmq", "does not hold one"},
		"another scheme": {"redis://:hunter2@redis:6379", "does not hold one"},
		"empty":          {" \n", "empty"},
		"nobody there":   {"amqp://eventflow:hunter2@127.0.0.1:1/", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, "url", tc.content)
			for _, r := range []result{
				cli(t, "", path, "dead-letters", "list"),
				cli(t, "", "", "dead-letters", "list", "--amqp-url-file", path),
			} {
				r.want(t, exitUnknown, tc.want)
				if strings.Contains(r.err, "hunter2") {
					t.Errorf("the password is shown: %s", r.err)
				}
			}
		})
	}
	cli(t, "", filepath.Join(t.TempDir(), "none"), "dead-letters", "list").want(t, exitUnknown, "no such file")
	broken := &box{failing: errors.New("connection reset")}
	broken.do(t, "redrive", "--all").want(t, exitUnknown, "connection reset", "looked at 0 of 0")
}
