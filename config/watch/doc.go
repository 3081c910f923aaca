// Package watch notices that a configuration file was saved, has config judge it, and hands the judgement on. A typo never
// ends it, and it never loses the last save.
//
// Two things wake it: the kernel's notices about the folders in which the files really are (behind every symbolic link on
// the way, so that mounted volumes which swap a link are seen), and, as these can be lost, a look at the content once a
// second. What counts is content alone: a touched file is not a saved one. A folder that goes away is watched again when it
// comes back.
//
// It is not for judging (config) nor for publishing (internal/app, through Apply).
package watch
