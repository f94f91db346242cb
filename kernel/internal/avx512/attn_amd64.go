package avx512

import (
	"unsafe"

	"pgsrm/kernel/internal/generic"
)

// Scores is generic.Scores.
func Scores(a *generic.Attn) { scores((*byte)(unsafe.Pointer(a))) }

// Softmax is generic.Softmax.
func Softmax(a *generic.Attn) { softmax((*byte)(unsafe.Pointer(a))) }

// SoftmaxBackward is generic.SoftmaxBackward.
func SoftmaxBackward(a *generic.Attn) { softmaxBackward((*byte)(unsafe.Pointer(a))) }

// Mix is generic.Mix.
func Mix(a *generic.Attn) { mix((*byte)(unsafe.Pointer(a))) }

// Spread is generic.Spread.
func Spread(a *generic.Attn) { spread((*byte)(unsafe.Pointer(a))) }
