package call

import "go.uber.org/zap"

// callLog is the house's log with what names one call in every line. It keeps the two fields, not a logger that was told of them, as
// that would hold a kilobyte for each call.
type callLog struct {
	log    *zap.Logger
	fields [2]zap.Field
}

func newLog(log *zap.Logger, id, sipCallID string) callLog {
	return callLog{log: log, fields: [2]zap.Field{zap.String("call", id), zap.String("sip_call_id", sipCallID)}}
}

func (l *callLog) with(fields []zap.Field) []zap.Field { return append(l.fields[:2:2], fields...) }

// Info notes what is part of a call's life.
func (l *callLog) Info(text string, fields ...zap.Field) { l.log.Info(text, l.with(fields)...) }

// Warn notes what somebody should know of.
func (l *callLog) Warn(text string, fields ...zap.Field) { l.log.Warn(text, l.with(fields)...) }

// Error notes what went wrong on our side.
func (l *callLog) Error(text string, fields ...zap.Field) { l.log.Error(text, l.with(fields)...) }
