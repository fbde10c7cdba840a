package model

import "fmt"

// Step is one transition: what happened, and the world afterwards.
type Step struct {
	Name string
	Next World
}

// Violation is the shortest run from the initial world to a broken promise.
type Violation struct {
	Promise string
	Trace   []string
}

// String renders the run.
func (v *Violation) String() string { return fmt.Sprintf("%s after %v", v.Promise, v.Trace) }

// Report says how much was explored.
type Report struct {
	// States is the number of distinct worlds.
	States int
	// Settled is the number of worlds in which nothing more can happen.
	Settled int
	// Violation is nil where every promise held in every world.
	Violation *Violation
}

type origin struct {
	parent World
	step   string
}

// Explore visits, breadth first, every world that the rules can reach and checks each.
// It fails where there are more than limit of them: a model that is not finished proves nothing.
func Explore(rules Rules, limit int) (Report, error) {
	start := rules.initial()
	seen := map[World]origin{start: {}}
	frontier := []World{start}
	report := Report{}
	for len(frontier) > 0 {
		world := frontier[0]
		frontier = frontier[1:]
		steps := rules.steps(world)
		promise := rules.broken(world)
		if promise == "" && len(steps) == 0 {
			report.Settled++
			promise = rules.brokenAtRest(world)
		}
		if promise != "" {
			report.States = len(seen)
			report.Violation = &Violation{Promise: promise, Trace: trace(seen, start, world)}
			return report, nil
		}
		for _, s := range steps {
			if _, known := seen[s.Next]; known {
				continue
			}
			if len(seen) == limit {
				return report, fmt.Errorf("more than %d worlds", limit)
			}
			seen[s.Next] = origin{parent: world, step: s.Name}
			frontier = append(frontier, s.Next)
		}
	}
	report.States = len(seen)
	return report, nil
}

func trace(seen map[World]origin, start, world World) []string {
	var steps []string
	for world != start {
		o := seen[world]
		steps = append([]string{o.step}, steps...)
		world = o.parent
	}
	return steps
}
