// Package family starts processes that end together with those that they start.
package family
