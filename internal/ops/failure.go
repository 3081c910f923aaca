package ops

import (
	"context"
	"errors"
	"net/http"
)

// failure is an error that knows its status: what went wrong, in the form in which the API tells it.
type failure struct {
	status  int
	code    string // for programs, never changes: lower case with underscores
	message string // for people
	header  http.Header
}

// Error returns the message.
func (f *failure) Error() string { return f.message }

func refuse(status int, code, message string) *failure {
	return &failure{status: status, code: code, message: message}
}

// failureOf returns how an error is told. What the node did not mean for users is not shown to them.
func failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	switch {
	case errors.Is(err, ErrUnknownIncident):
		return refuse(http.StatusNotFound, "unknown_incident", err.Error())
	case errors.Is(err, ErrRefusedToggle):
		return refuse(http.StatusUnprocessableEntity, "refused", err.Error())
	case errors.Is(err, ErrConflict):
		return refuse(http.StatusConflict, "conflict", err.Error())
	case errors.Is(err, ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return refuse(http.StatusServiceUnavailable, "unavailable", "the node cannot answer now")
	}
	return refuse(http.StatusInternalServerError, "internal", "the node could not do it; its log says why")
}

// errorBody is how a failure is written.
type errorBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (f *failure) body() errorBody {
	var b errorBody
	b.Error.Code, b.Error.Message = f.code, f.message
	return b
}
