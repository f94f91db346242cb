package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"pgsrm/cache"
	"pgsrm/embed"
	"pgsrm/internal/printable"
	"pgsrm/kernel"
	"pgsrm/parent"
	"pgsrm/remote"
	"pgsrm/run"
	"pgsrm/task"
)

// kernel says on what the engine computes.
func (d *doctor) kernel() {
	text := fmt.Sprintf("%s, %d threads, %s/%s", kernel.Name(), d.g.Threads, runtime.GOOS, runtime.GOARCH)
	if kernel.Name() == "go" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") {
		d.add("kernel", checkWarning, text, "PGSRM_KERNEL=go is set, or an amd64 processor has no AVX2: training is many times slower than it could be")
		return
	}
	d.add("kernel", checkOK, text, "")
}

// checkTask loads the task.
func (d *doctor) checkTask(context.Context) {
	var err error
	if d.task, err = d.g.configuredTask(d.cfg); err != nil {
		d.add("task", checkBad, err.Error(), "docs/format/tasks.md describes files of prompts")
		return
	}
	train := 0
	for _, it := range d.task.Items {
		if it.Split == task.Train {
			train++
		}
	}
	d.add("task", checkOK, fmt.Sprintf("%s, %d prompts to train on, %d held out", d.task.Name, train, len(d.task.Items)-train), "")
}

// addFound files a check that is well but for what a folder holds that is not known.
func (d *doctor) addFound(name, text string, warnings ...string) {
	status, advice := checkOK, ""
	for _, w := range warnings {
		if w != "" {
			text += "; " + strings.TrimPrefix(w, name+": ")
			status, advice = checkWarning, "see whether it changes what the model computes; docs/format/child-folder.md says what is known"
		}
	}
	d.add(name, status, text, advice)
}

// openingWarnings are the warnings of a source while it is opened: about its folder.
type openingWarnings struct {
	texts []string
	done  bool // it is open
}

func (w *openingWarnings) add(text string) {
	if !w.done {
		w.texts = append(w.texts, text)
	}
}

// checkChild loads the child.
func (d *doctor) checkChild(context.Context) {
	begin := time.Now()
	m, err := run.OpenChild(d.cfg.Child)
	if err != nil {
		d.add("child", checkBad, err.Error(), "docs/child.md and docs/format/child-folder.md say which models are read; hf:ORG/NAME must have been fetched by pgsrm pull ORG/NAME")
		return
	}
	d.child = m
	text := fmt.Sprintf("%s: %s, %.1f million weights, loaded in %s", d.cfg.Child, m.Config.Family, float64(m.NumParams())/1e6, showTime(time.Since(begin)))
	d.addFound("child", text, m.Warning())
}

// checkParent asks the parent about one prompt.
func (d *doctor) checkParent(ctx context.Context) {
	if d.task == nil || len(d.task.Items) == 0 {
		return
	}
	chat := d.cfg.Chat
	chat.Server = patience(chat.Server)
	var told openingWarnings
	p, err := parent.Open(d.cfg.Parent, d.task, parent.Options{Chat: &chat, Threads: d.g.Threads, Remote: d.deps, Warn: told.add})
	told.done = true
	if err != nil {
		d.add("parent", checkBad, err.Error(), sourceAdvice(err, "chat", "docs/parents.md"))
		return
	}
	d.parent = p
	items := d.task.Items
	plan, costly := parent.PlanOf(ctx, p, items)
	if costly {
		items = items[:1]
	}
	begin := time.Now()
	results := p.Answers(ctx, items)
	failed, first := failures(results)
	switch {
	case failed == len(items):
		d.add("parent", checkUnavailable, first.Error(), sourceAdvice(first, "chat", "docs/parents.md"))
	case failed > 0:
		d.add("parent", checkWarning, fmt.Sprintf("%s: %d of %d prompts have no answer, the first: %v", p.Identity(), failed, len(items), first), "these prompts will take no part in training or evaluation")
	case costly:
		d.add("parent", checkOK, fmt.Sprintf("%s answers %q with %q in %s; a run makes %d requests", p.Identity(), strings.TrimSpace(items[0].Prompt), results[0].Answer, showTime(time.Since(begin)), plan.Requests), "")
	default:
		d.addFound("parent", fmt.Sprintf("%s answers all %d prompts", p.Identity(), len(items)), told.texts...)
	}
}

// checkEmbedder embeds two texts.
func (d *doctor) checkEmbedder(ctx context.Context) {
	set := d.cfg.Embedding
	set.Server = patience(set.Server)
	begin := time.Now()
	var told openingWarnings
	e, err := embed.Open(d.cfg.Embedder, embed.Options{Settings: &set, Remote: d.deps, Warn: told.add})
	told.done = true
	if err != nil {
		d.add("embedder", checkBad, err.Error(), sourceAdvice(err, "embedding", "docs/embedders.md"))
		return
	}
	d.embedder = e
	opened := time.Since(begin)
	texts := []string{"warm", "hot"}
	if e.Identity().Pooling == "given" && d.task != nil { // a file of vectors for whole texts
		texts = []string{d.task.Items[0].Reference, d.task.Items[len(d.task.Items)-1].Reference}
	}
	begin = time.Now()
	results := e.Embed(ctx, texts)
	for _, r := range results {
		if r.Err != nil {
			d.add("embedder", checkUnavailable, r.Err.Error(), sourceAdvice(r.Err, "embedding", "docs/embedders.md"))
			return
		}
	}
	d.addFound("embedder", fmt.Sprintf("%s, %d numbers, opened in %s, two texts in %s, cosine of %q and %q %.2f", shortName(e.Identity().Model),
		len(results[0].Vector), showTime(opened), showTime(time.Since(begin)), texts[0], texts[1], embed.Cosine(results[0].Vector, results[1].Vector)), told.texts...)
}

// shortName cuts a digest, which says nothing to readers.
func shortName(model string) string {
	if kind, digest, ok := strings.Cut(model, ":"); ok && len(digest) == 64 && !strings.ContainsAny(digest, "/@") {
		return kind + ":" + digest[:12]
	}
	return model
}

// checkCache writes an entry and reads it back.
func (d *doctor) checkCache(ctx context.Context) {
	var warned []string
	c, err := d.g.openCache(func(text string) { warned = append(warned, text) })
	if err != nil {
		d.add("cache", checkBad, err.Error(), "docs/cache.md describes --cache and "+cache.Variable)
		return
	}
	if d.cache = c; c == nil {
		d.add("cache", checkWarning, "off", "answers and vectors of servers are asked for again by every run; leave out --cache off to keep them")
		return
	}
	const source = "pgsrm doctor"
	key := cache.NewKey(cache.Answer, source, "probe")
	c.Put(cache.Answer, source, key, []byte("probe"))
	err = c.Flush(ctx)
	if err == nil && c.Get(ctx, []cache.Key{key})[0] == nil {
		err = errors.New("an entry must be there after it was written")
	}
	if err == nil {
		_, err = c.Prune(ctx, cache.Filter{Kind: cache.Answer, Source: source}, true, 0, false)
	}
	switch {
	case err != nil && strings.Contains(c.Name(), "://"):
		d.add("cache", checkUnavailable, err.Error(), "start the Redis server or name another cache; a run continues without it, and asks again what it could not read")
	case err != nil:
		d.add("cache", checkBad, err.Error(), "make the folder writable, or name another file by --cache or "+cache.Variable)
	case len(warned) > 0:
		d.add("cache", checkWarning, strings.Join(warned, "; "), "docs/cache.md says what each of these means")
	default:
		d.add("cache", checkOK, c.Name()+" can be written and read", "")
	}
}

// checkDirectory looks at the run directory.
func (d *doctor) checkDirectory(context.Context) {
	if d.cfg.Out == "" {
		d.add("directory", checkOK, "chosen by the run, under runs", "")
		return
	}
	state, err := run.Inspect(d.cfg.Out)
	switch {
	case errors.Is(err, run.ErrLocked):
		d.add("directory", checkBad, err.Error(), "wait for that process, end it, or choose another --out")
		return
	case err != nil:
		d.add("directory", checkBad, err.Error(), "choose another --out")
		return
	}
	if err := writable(existing(d.cfg.Out)); err != nil {
		d.add("directory", checkBad, err.Error(), "make it writable or choose another --out")
		return
	}
	switch state {
	case run.DirBegun:
		d.add("directory", checkWarning, d.cfg.Out+" holds a run that is not complete", "resume it with pgsrm train --resume --out "+d.cfg.Out+", or choose another --out")
	case run.DirComplete:
		d.add("directory", checkWarning, d.cfg.Out+" holds a complete run", "choose another --out")
	default:
		d.add("directory", checkOK, d.cfg.Out+" can be written", "")
	}
}

// checkDisk compares the free space with what checkpoints need.
func (d *doctor) checkDisk(context.Context) {
	place := existing(d.cfg.Out)
	free, err := freeSpace(place)
	if err != nil {
		d.add("disk", checkWarning, fmt.Sprintf("free space of %s is not known: %v", place, err), "")
		return
	}
	need := d.diskNeed()
	status, advice := diskStatus(free, need)
	d.add("disk", status, fmt.Sprintf("%s free at %s, about %s needed", showSize(free), place, showSize(need)), advice)
}

// diskStatus judges the free space; need is an estimate, so twice as much is asked for.
func diskStatus(free, need int64) (status, advice string) {
	advice = "free some space, choose another --out, or keep fewer checkpoints (keep_checkpoints)"
	switch {
	case free < need:
		return checkBad, advice
	case free < 2*need:
		return checkWarning, advice
	}
	return checkOK, ""
}

// diskNeed estimates the bytes of a run: checkpoints with weights and the two moments
// of the optimiser, one more while it is written, the final child, and 100 MB of logs.
func (d *doctor) diskNeed() int64 {
	const logs = 100e6
	if d.child == nil {
		return logs
	}
	child, checkpoints := d.cfg.DiskBytes(d.child.NumParams())
	return logs + checkpoints + 3*child + child
}

// checkLook looks at the child as a run would before training; it is the last check,
// as the child is prepared for training with it.
func (d *doctor) checkLook(ctx context.Context) {
	if d.cfg.Look == "off" || d.failed("task", "child", "parent", "embedder") {
		return
	}
	l, err := run.LookAt(ctx, d.cfg, d.child, run.Deps{Task: d.task, Parent: d.parent, Embedder: d.embedder})
	switch {
	case errors.Is(err, run.ErrNonFinite):
		d.add("look", checkBad, err.Error(), "the child cannot compute: its weights are damaged, or were saved in a type that they overflow")
		return
	case err != nil:
		d.add("look", checkBad, err.Error(), "a run would begin with this error")
		return
	}
	d.look = l
	status := checkOK
	if len(l.Advice) > 0 {
		status = checkWarning
	}
	d.add("look", status, l.Lines()[0], "")
}

// failed says whether one of the checks of these names is bad.
func (d *doctor) failed(names ...string) bool {
	return slices.ContainsFunc(d.checks, func(c check) bool { return c.Status == checkBad && slices.Contains(names, c.Name) })
}

// printLook prints the lines of a look.
func printLook(w io.Writer, lines []string, indent string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%s%s\n", indent, printable.Text(line)); err != nil {
			return err
		}
	}
	return nil
}

// sourceAdvice says what to do about an error of a parent or an embedder; section
// is its part of the configuration.
func sourceAdvice(err error, section, page string) string {
	var e *remote.Error
	if !errors.As(err, &e) {
		return "see " + page
	}
	switch e.Kind {
	case remote.Connection:
		return "start the server, or correct its URL: nothing answers at " + e.URL
	case remote.Timeout:
		return "see whether the server is loaded or still loading its model; " + section + ".server.timeout_s is the time of one attempt"
	case remote.Auth:
		return "put a valid key into the environment variable that " + section + ".server.key_env names"
	case remote.RateLimited:
		return "wait, or see whether the account has any quota left; " + section + ".server has limits of requests and tokens per minute"
	case remote.Redirect:
		return "use the address that the server redirects to"
	case remote.Reply, remote.TooLarge:
		return "see whether the URL is that of a model server, with the right path (/v1), and not of a web page"
	case remote.Rejected:
		return "see whether the model's name is right and the server has it; its own words stand above"
	}
	return "look into the log of the server, and see " + page
}
