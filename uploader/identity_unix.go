//go:build unix

package uploader

const permissionsAreReal = true
