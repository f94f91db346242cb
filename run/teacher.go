package run

import (
	"fmt"

	"pgsrm/config"
	"pgsrm/parent"
)

// openTeacher loads the model whose distributions the child learns from, for an algorithm
// that needs one: gkd.teacher, or the parent where that is a local model.
func (r *run) openTeacher() error {
	if !r.needs.Teacher {
		return nil
	}
	name := r.cfg.Options.GKD.Teacher
	if name == "" {
		if !parent.IsLocal(r.cfg.Parent) {
			return &config.Error{
				Key: "gkd.teacher", Value: fmt.Sprintf("parent %s", r.cfg.Parent),
				Must: "must name a model with the child's vocabulary, where the parent is no local model",
			}
		}
		name = r.cfg.Parent
	}
	teacher, err := OpenChild(name)
	if err != nil {
		return config.At("gkd.teacher", err)
	}
	if err := r.sameVocabulary(teacher.Tokenizer.Size(), teacher.Tokenizer.Token); err != nil {
		return err
	}
	if teacher.Config.Vocab != r.model.Config.Vocab || teacher.Config.Positions < r.model.Config.Positions {
		return &config.Error{
			Key: "gkd.teacher", Must: fmt.Sprintf("must have the %d tokens of the child and a context of at least its %d", r.model.Config.Vocab, r.model.Config.Positions),
			Value: fmt.Sprintf("%d and %d", teacher.Config.Vocab, teacher.Config.Positions),
		}
	}
	teacher.Pool = r.model.Pool
	r.teacher, r.teacherSHA = teacher.Model, digest(teacher.Model)
	return nil
}

// sameVocabulary demands that the teacher's tokens are the child's, one by one.
func (r *run) sameVocabulary(size int, token func(int32) (string, bool)) error {
	own := r.model.Tokenizer
	for id := range int32(max(size, own.Size())) {
		a, _ := own.Token(id)
		b, _ := token(id)
		if a != b {
			return &config.Error{Key: "gkd.teacher", Must: fmt.Sprintf("must have the vocabulary of the child, whose token %d is %.40q", id, a), Value: fmt.Sprintf("%.40q", b)}
		}
	}
	return nil
}
