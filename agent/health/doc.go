// Package health is what can be wrong with a rig, in words for the person who stands before it.
//
// Every condition is declared once, in conditions.go: its code, severity, title, what it means and what to
// do. Page, command line, metrics and logs use that list and no words of their own. A Set holds which
// conditions are true now, since when and for what (a camera, a folder); it says each onset and each end
// once.
//
// A condition that comes and goes by itself has to hold for a while, Condition.ShowsAfter, before anybody hears of it;
// one that ends sooner was nothing. How long it has lasted is not a matter of the clock, which may be set meanwhile.
//
// A condition can be explained by another: while the link is down, "frames wait and nothing is delivered" is
// no news. Active leaves out what is explained, so that one cause shows once.
//
// The log is told of one condition ten times in ten minutes at most. Of what comes and goes more often, onsets and ends are
// left out and counted, and the last line before says so. When the ten minutes are over, the log hears how it stands, if
// that is not what it heard last.
package health
